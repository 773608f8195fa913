//! Paths that are about no resource: health, version, discovery, OpenAPI.

use http::{HeaderMap, Method, StatusCode};
use krm::{Value, json};

use crate::Server;
use crate::reply::Reply;
use crate::request::Query;
use crate::status::ApiError;
use crate::{discovery, openapi};

/// The version the server speaks, as `/version` tells it.
pub(crate) const VERSION: &str = "v1.36.3";

/// What health is made of; all of it is well as long as the server answers.
const CHECKS: &[&str] = &[
    "ping",
    "log",
    "etcd",
    "informer-sync",
    "poststarthook/start-apiextensions-controllers",
    "poststarthook/crd-informer-synced",
    "poststarthook/rbac/bootstrap-roles",
    "poststarthook/apiservice-discovery-controller",
];

/// Answers a plain path.
///
/// # Errors
/// 405 for what only reads; 406 where the client takes nothing that can be made.
pub(crate) fn plain(
    server: &Server,
    method: &Method,
    (path, query): (&str, &Query),
    headers: &HeaderMap,
) -> Result<Reply, ApiError> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Err(ApiError::method_not_allowed());
    }
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match parts.as_slice() {
        [""] => Ok(Reply::ok(&paths(server))),
        [name @ ("healthz" | "livez" | "readyz")] if query.get("verbose").is_some() => {
            Ok(health(name, &["verbose"]))
        }
        [name @ ("healthz" | "livez" | "readyz"), rest @ ..] => Ok(health(name, rest)),
        ["version"] => Ok(Reply::ok(&version())),
        ["api" | "apis", ..] => discovery::answer(server, &parts, headers),
        ["openapi", rest @ ..] => Ok(openapi::answer(server, rest, headers)),
        _ => Ok(Reply::no_page()),
    }
}

fn health(name: &str, rest: &[&str]) -> Reply {
    let ok = Reply::Text(StatusCode::OK, "ok".to_owned());
    match rest {
        [] => ok,
        ["verbose"] => {
            let lines = CHECKS.iter().map(|check| format!("[+]{check} ok\n"));
            let text = lines.collect::<String>() + name + " check passed\n";
            Reply::Text(StatusCode::OK, text)
        }
        check if CHECKS.contains(&check.join("/").as_str()) => ok,
        _ => Reply::no_page(),
    }
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36",
        "minCompatibilityMajor": "1", "minCompatibilityMinor": "35", "gitVersion": VERSION,
        "gitCommit": "", "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "", "compiler": "rustc", "platform": "linux/amd64",
    })
}

fn paths(server: &Server) -> Value {
    let mut paths = vec!["/api".to_owned(), "/api/v1".to_owned(), "/apis".to_owned()];
    for group in discovery::groups(&server.registry()) {
        if group.name.is_empty() {
            continue;
        }
        paths.push(format!("/apis/{}", group.name));
        for version in &group.versions {
            paths.push(format!("/apis/{}/{version}", group.name));
        }
    }
    let fixed = [
        "/healthz",
        "/livez",
        "/openapi/v2",
        "/openapi/v3",
        "/readyz",
        "/version",
    ];
    paths.extend(fixed.map(str::to_owned));
    json!({"paths": paths})
}
