//! ServiceAccount tokens: JSON web tokens that this server signs and recognises.

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clock::Timestamp;
use krm::{Value, json};

/// Who issues this server's tokens, and the audience they are for when none is asked for.
pub const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// How far clocks may differ.
const LEEWAY_SECONDS: i64 = 60;

/// The key that signs tokens; made anew with every server.
pub struct TokenKey {
    pair: EcdsaKeyPair,
    id: String,
}

/// The key could not be made or used.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the token key cannot be used")]
pub struct KeyError;

/// Why a token is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not one of this server's tokens at all.
    #[error("invalid bearer token")]
    Foreign,
    /// Not signed by this server.
    #[error("[invalid bearer token, go-jose/go-jose: error in cryptographic primitive]")]
    Signature,
    /// One of this server's, but not, or no longer, valid.
    #[error("[invalid bearer token, {0}]")]
    Invalid(String),
}

/// What a token is bound to besides its ServiceAccount.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bound {
    /// Name and uid of the Pod.
    pub pod: Option<(String, String)>,
    /// Name and uid of the Secret.
    pub secret: Option<(String, String)>,
    /// Name and uid of the Node; with a Pod, the node it runs on.
    pub node: Option<(String, String)>,
}

/// A token's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Namespace of the ServiceAccount.
    pub namespace: String,
    /// Name of the ServiceAccount.
    pub name: String,
    /// Uid of the ServiceAccount.
    pub uid: String,
    /// Whom the token is for.
    pub audiences: Vec<String>,
    /// When it was issued, in seconds since the epoch.
    pub issued: i64,
    /// When it ends, likewise.
    pub expires: i64,
    /// When a user of it should have got a new one, likewise.
    pub warn_after: Option<i64>,
    /// The token's own id.
    pub id: String,
    /// What else it is bound to.
    pub bound: Bound,
}

impl TokenKey {
    /// A new key.
    ///
    /// # Errors
    /// The machine gives no randomness.
    pub fn generate() -> Result<Self, KeyError> {
        let pair =
            EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| KeyError)?;
        let hash = digest::digest(&digest::SHA256, pair.public_key().as_ref());
        let id = URL_SAFE_NO_PAD.encode(hash.as_ref());
        Ok(Self { pair, id })
    }

    /// The token that says `claims`.
    ///
    /// # Errors
    /// The machine gives no randomness.
    pub fn sign(&self, claims: &Claims) -> Result<String, KeyError> {
        let header = json!({"alg": "ES256", "kid": self.id}).to_string();
        let mut token = URL_SAFE_NO_PAD.encode(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims.to_value().to_string(), &mut token);
        let signature = self
            .pair
            .sign(&SystemRandom::new(), token.as_bytes())
            .map_err(|_| KeyError)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature.as_ref(), &mut token);
        Ok(token)
    }

    /// What a token of this server says; whether it is still valid is [`Claims::check_time`]'s question.
    ///
    /// # Errors
    /// It is none of this server's.
    pub fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Foreign)?;
        let (_, payload) = signed.split_once('.').ok_or(TokenError::Foreign)?;
        let payload = decode(payload).ok_or(TokenError::Foreign)?;
        let payload: Value = serde_json::from_slice(&payload).map_err(|_| TokenError::Foreign)?;
        if payload["iss"] != ISSUER {
            return Err(TokenError::Foreign);
        }
        let signature = decode(signature).ok_or(TokenError::Signature)?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.pair.public_key().as_ref())
            .verify(signed.as_bytes(), &signature)
            .map_err(|_| TokenError::Signature)?;
        Ok(Claims::from_value(&payload))
    }

    /// The public key as a JSON web key set, for `/openid/v1/jwks`.
    pub fn key_set(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let coordinate = |range| point.get(range).map(|part| URL_SAFE_NO_PAD.encode(part));
        json!({"keys": [{
            "alg": "ES256", "crv": "P-256", "kid": self.id, "kty": "EC", "use": "sig",
            "x": coordinate(1..33), "y": coordinate(33..65),
        }]})
    }
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Claims {
    /// Checks that a token is in force at `now`.
    ///
    /// # Errors
    /// It has expired, or comes from the future.
    pub fn check_time(&self, now: Timestamp) -> Result<(), TokenError> {
        let now = now.as_second();
        let refusal = if now - LEEWAY_SECONDS > self.expires {
            "service account token has expired"
        } else if now + LEEWAY_SECONDS < self.issued {
            "service account token is not valid yet"
        } else {
            return Ok(());
        };
        Err(TokenError::Invalid(refusal.to_owned()))
    }

    fn to_value(&self) -> Value {
        let mut own = json!({
            "namespace": self.namespace,
            "serviceaccount": {"name": self.name, "uid": self.uid},
        });
        for (field, object) in [
            ("pod", &self.bound.pod),
            ("secret", &self.bound.secret),
            ("node", &self.bound.node),
        ] {
            if let Some((name, uid)) = object {
                own[field] = json!({"name": name, "uid": uid});
            }
        }
        if let Some(warn_after) = self.warn_after {
            own["warnafter"] = warn_after.into();
        }
        json!({
            "aud": self.audiences, "exp": self.expires, "iat": self.issued, "nbf": self.issued,
            "iss": ISSUER, "jti": self.id, "kubernetes.io": own,
            "sub": super::service_account_name(&self.namespace, &self.name),
        })
    }

    fn from_value(payload: &Value) -> Self {
        let own = &payload["kubernetes.io"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let object = |field: &str| {
            own.get(field)
                .map(|object| (text(&object["name"]), text(&object["uid"])))
        };
        Self {
            namespace: text(&own["namespace"]),
            name: text(&own["serviceaccount"]["name"]),
            uid: text(&own["serviceaccount"]["uid"]),
            audiences: payload["aud"]
                .as_array()
                .into_iter()
                .flatten()
                .map(text)
                .collect(),
            issued: payload["iat"].as_i64().unwrap_or_default(),
            expires: payload["exp"].as_i64().unwrap_or_default(),
            warn_after: own["warnafter"].as_i64(),
            id: text(&payload["jti"]),
            bound: Bound {
                pod: object("pod"),
                secret: object("secret"),
                node: object("node"),
            },
        }
    }
}

fn decode(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        Claims {
            namespace: "team".into(),
            name: "reconciler".into(),
            uid: "u1".into(),
            audiences: vec![ISSUER.into()],
            issued: 1000,
            expires: 4600,
            warn_after: None,
            id: "j1".into(),
            bound: Bound {
                pod: Some(("p".into(), "u2".into())),
                ..Bound::default()
            },
        }
    }

    #[test]
    fn a_token_says_what_was_signed() {
        let key = TokenKey::generate().unwrap();
        let token = key.sign(&claims()).unwrap();
        assert_eq!(key.verify(&token), Ok(claims()));
        let stranger = TokenKey::generate().unwrap();
        assert_eq!(stranger.verify(&token), Err(TokenError::Signature));
        assert_eq!(key.verify("admin-token"), Err(TokenError::Foreign));
        assert_eq!(key.verify("a.b.c"), Err(TokenError::Foreign));
        let forged = token.replacen('.', ".e", 1);
        assert!(key.verify(&forged).is_err());
    }

    #[test]
    fn a_token_ends_a_minute_after_its_end() {
        let at = |second| claims().check_time(Timestamp::from_second(second).unwrap());
        assert_eq!(at(4660), Ok(()));
        let refusal = at(4661).unwrap_err().to_string();
        assert_eq!(
            refusal,
            "[invalid bearer token, service account token has expired]"
        );
        assert_eq!(at(940), Ok(()));
        assert!(at(939).is_err());
    }
}
