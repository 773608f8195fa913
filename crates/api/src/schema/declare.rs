//! The macros that declare a type and its schema together.

/// A Rust field's name in JSON: `last_applied_revision` → `lastAppliedRevision`; serde's `camelCase`.
pub(crate) fn json_name(field: &str) -> String {
    let mut name = String::with_capacity(field.len());
    let mut upper = false;
    for letter in field.trim_start_matches("r#").chars() {
        if letter == '_' {
            upper = true;
        } else if upper {
            name.push(letter.to_ascii_uppercase());
            upper = false;
        } else {
            name.push(letter);
        }
    }
    name
}

/// Declares structs whose serde form and OpenAPI schema are one.
///
/// `required` fields must be there; `optional` ones are left out when empty, as Go's `omitempty` does, so an empty text
/// and an absent one are the same unless the field is an `Option`. `as "name"` gives a name that camelCase does not.
/// `=> pattern(…).default(…)` adds keywords of [`Shape`](crate::schema::Shape). `rules` are CEL, message first.
macro_rules! object {
    ($(
        $(#[$meta:meta])*
        $name:ident {
            $(required { $(
                $(#[doc = $rdoc:literal])*
                $rfield:ident $(as $rjson:literal)? : $rty:ty $(=> $($rword:ident($($rarg:expr),*)).+)? ;
            )* })?
            $(optional { $(
                $(#[doc = $odoc:literal])*
                $ofield:ident $(as $ojson:literal)? : $oty:ty $(=> $($oword:ident($($oarg:expr),*)).+)? ;
            )* })?
            $(rules { $( $message:expr => $rule:expr ; )* })?
        }
    )*) => {$(
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        $(#[$meta])*
        pub struct $name {
            $($(
                $(#[doc = $rdoc])*
                $(#[serde(rename = $rjson)])?
                pub $rfield: $rty,
            )*)?
            $($(
                $(#[doc = $odoc])*
                $(#[serde(rename = $ojson)])?
                #[serde(default, skip_serializing_if = "crate::schema::Absent::absent")]
                pub $ofield: $oty,
            )*)?
        }

        impl crate::schema::Schema for $name {
            fn schema() -> crate::schema::Shape {
                crate::schema::Shape::object()
                $($(
                    .required(
                        crate::schema::field_name!($rfield $($rjson)?),
                        <$rty as crate::schema::Schema>::schema() $($(.$rword($($rarg),*))+)?
                            .described(&[$($rdoc),*]),
                    )
                )*)?
                $($(
                    .property(
                        crate::schema::field_name!($ofield $($ojson)?),
                        <$oty as crate::schema::Schema>::schema() $($(.$oword($($oarg),*))+)?
                            .described(&[$($odoc),*]),
                    )
                )*)?
                $($(.rule($message, $rule))*)?
            }
        }
    )*};
}

/// A field's name in JSON: as given, else by [`json_name`].
macro_rules! field_name {
    ($field:ident) => {
        &crate::schema::json_name(stringify!($field))
    };
    ($field:ident $json:literal) => {
        $json
    };
}

/// Declares enums that are fixed strings in JSON and in the schema, in the order given; the first is the `Default`.
macro_rules! choice {
    ($(
        $(#[$meta:meta])*
        $name:ident {
            $(#[$first_meta:meta])* $first:ident = $first_text:literal,
            $( $(#[$variant_meta:meta])* $variant:ident = $text:literal, )*
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $(#[$first_meta])*
            #[default]
            #[serde(rename = $first_text)]
            $first,
            $(
                $(#[$variant_meta])*
                #[serde(rename = $text)]
                $variant,
            )*
        }

        impl $name {
            /// As it is written.
            pub fn as_str(self) -> &'static str {
                match self {
                    Self::$first => $first_text,
                    $( Self::$variant => $text, )*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl crate::schema::Schema for $name {
            fn schema() -> crate::schema::Shape {
                crate::schema::Shape::of("string")
                    .with("enum", krm::json!([$first_text $(, $text)*]))
            }
        }
    )*};
}

pub(crate) use {choice, field_name, object};
