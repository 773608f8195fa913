//! Which form an answer takes, read off the `Accept` header, and which form a body has.

use http::HeaderMap;
use schema::Media;

use crate::status::ApiError;

/// The media types that every endpoint understands, as refusals list them.
pub(crate) const ACCEPTED: &[&str] = &[
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
];

/// What can be answered, as the router's refusal lists it.
const AVAILABLE: &[&str] = &[
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json;stream=watch",
    "application/vnd.kubernetes.protobuf;stream=watch",
];

/// What an object is turned into before it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Nothing: it is sent as it is.
    #[default]
    Object,
    /// A row of a `meta.k8s.io/v1` Table.
    Table,
    /// `PartialObjectMetadata`.
    Metadata,
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    /// YAML and not JSON.
    pub(crate) yaml: bool,
    /// The transform.
    pub(crate) shape: Shape,
    /// Whether the transform asked for is one of a list, where it says so.
    pub(crate) of_list: Option<bool>,
}

struct Clause {
    kind: String,
    parameters: Vec<(String, String)>,
    quality: f32,
}

impl Clause {
    fn parse(text: &str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let pairs = parts.filter_map(|part| part.split_once('='));
        let parameters: Vec<(String, String)> = pairs
            .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
            .collect();
        let quality = parameters.iter().find(|(key, _)| key == "q");
        let quality = quality.and_then(|(_, q)| q.parse().ok()).unwrap_or(1.0);
        Self {
            kind,
            parameters,
            quality,
        }
    }

    fn get(&self, key: &str) -> &str {
        let found = self.parameters.iter().find(|(own, _)| own == key);
        found.map_or("", |(_, value)| value.as_str())
    }
}

/// What the client accepts, best first.
fn clauses(headers: &HeaderMap) -> Vec<Clause> {
    let lines = headers.get_all(http::header::ACCEPT).iter();
    let lines: Vec<&str> = lines.filter_map(|line| line.to_str().ok()).collect();
    let text = lines.join(",");
    let clauses = text.split(',').filter(|clause| !clause.trim().is_empty());
    let mut out: Vec<Clause> = clauses.map(Clause::parse).collect();
    out.sort_by(|a, b| b.quality.total_cmp(&a.quality));
    out
}

/// Whether the client asks for the aggregated discovery document before a plain one.
pub(crate) fn wants_aggregated(headers: &HeaderMap) -> bool {
    for clause in clauses(headers) {
        match (clause.get("g"), clause.get("v"), clause.get("as")) {
            _ if clause.kind != "application/json" => {}
            ("apidiscovery.k8s.io", "v2", "APIGroupDiscoveryList") => return true,
            ("", "", "") => return false,
            _ => {}
        }
    }
    false
}

/// The form of an answer to a request about objects.
///
/// # Errors
/// 406 where the client takes nothing that can be made.
pub(crate) fn form(headers: &HeaderMap) -> Result<Form, ApiError> {
    let clauses = clauses(headers);
    if clauses.is_empty() {
        return Ok(Form::default());
    }
    let found = clauses.iter().find_map(|clause| {
        let yaml = match clause.kind.as_str() {
            "application/json" | "*/*" | "application/*" => false,
            "application/yaml" => true,
            _ => return None,
        };
        let (shape, of_list) = match (clause.get("g"), clause.get("v"), clause.get("as")) {
            (_, _, "") => (Shape::Object, None),
            ("meta.k8s.io", "v1", "Table") => (Shape::Table, None),
            ("meta.k8s.io", "v1", "PartialObjectMetadata") => (Shape::Metadata, Some(false)),
            ("meta.k8s.io", "v1", "PartialObjectMetadataList") => (Shape::Metadata, Some(true)),
            _ => return None,
        };
        Some(Form {
            yaml,
            shape,
            of_list,
        })
    });
    let is_known = |clause: &Clause| {
        clause.kind == "application/json" || ACCEPTED.contains(&clause.kind.as_str())
    };
    found.ok_or_else(|| {
        let has_transform = clauses
            .iter()
            .any(|clause| is_known(clause) && !clause.get("as").is_empty());
        if has_transform {
            ApiError::not_acceptable(ACCEPTED)
        } else {
            ApiError::none_acceptable(AVAILABLE)
        }
    })
}

/// The media type of a request's body.
///
/// # Errors
/// 415 for what cannot be read.
pub(crate) fn body_media(headers: &HeaderMap) -> Result<Media, ApiError> {
    match content_type(headers).as_str() {
        "" | "application/json" | "*/*" => Ok(Media::Json),
        "application/yaml" => Ok(Media::Yaml),
        "application/vnd.kubernetes.protobuf" => Ok(Media::Protobuf),
        _ => Err(ApiError::unsupported_media(ACCEPTED)),
    }
}

/// `Content-Type` without its parameters.
pub(crate) fn content_type(headers: &HeaderMap) -> String {
    let header = headers.get(http::header::CONTENT_TYPE);
    let text = header.and_then(|value| value.to_str().ok());
    let kind = text.unwrap_or_default().split(';').next();
    kind.unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accept: &str, expect: Option<Shape>) {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::ACCEPT, accept.parse().unwrap());
        let got = form(&headers).ok().map(|form| form.shape);
        assert_eq!(got, expect, "{accept}");
    }

    #[test]
    fn the_first_form_that_can_be_made_is_taken() {
        check("application/json", Some(Shape::Object));
        check(
            "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
            Some(Shape::Table),
        );
        check(
            "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json",
            Some(Shape::Metadata),
        );
        check(
            "application/vnd.kubernetes.protobuf,application/json",
            Some(Shape::Object),
        );
        check("application/vnd.kubernetes.protobuf", None);
        check("application/cbor", None);
        check("*/*", Some(Shape::Object));
    }
}
