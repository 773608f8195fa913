//! What a request is about, read off its method, path and query as `k8s.io/apiserver`'s `RequestInfoFactory` does.

use http::Method;

/// What a request asks for: the subject of authorisation, of the request log and of routing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestInfo {
    /// Whether this is about a resource (`/api/v1/…`, `/apis/group/version/…`) and not a plain path (`/healthz`, `/apis`).
    pub is_resource: bool,
    /// The path as requested.
    pub path: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; the lower-case method for plain paths.
    pub verb: String,
    /// `api` or `apis`; `""` for plain paths.
    pub api_prefix: String,
    /// API group, `""` for core.
    pub group: String,
    /// API version.
    pub version: String,
    /// Namespace, `""` for cluster-scoped resources and requests across namespaces. For a Namespace itself it is its own name.
    pub namespace: String,
    /// Plural resource name.
    pub resource: String,
    /// Subresource, `""` for the object itself.
    pub subresource: String,
    /// Object name; for list and watch the name that `fieldSelector=metadata.name=…` asks for.
    pub name: String,
    /// The path's segments from the resource on.
    pub parts: Vec<String>,
    /// The `fieldSelector` of a list, watch or deletecollection, as sent.
    pub field_selector: String,
    /// The `labelSelector` of a list, watch or deletecollection, as sent.
    pub label_selector: String,
}

/// The path names a verb (`/api/v1/watch/…`) but nothing to use it on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unable to determine kind and namespace from url, {0}")]
pub struct BadPath(String);

impl RequestInfo {
    /// Reads a request line.
    ///
    /// # Errors
    /// [`BadPath`] for `/api/v1/watch` and `/api/v1/proxy` with nothing behind them.
    pub fn parse(method: &Method, path: &str, query: &Query) -> Result<Self, BadPath> {
        let mut info = Self {
            path: path.to_owned(),
            verb: method.as_str().to_ascii_lowercase(),
            ..Self::default()
        };
        let all: Vec<&str> = path.trim_matches('/').split('/').collect();
        let [prefix, rest @ ..] = all.as_slice() else {
            return Ok(info);
        };
        if all.len() < 3 || !matches!(*prefix, "api" | "apis") {
            return Ok(info);
        }
        let mut parts = rest;
        info.api_prefix = (*prefix).to_owned();
        if *prefix == "apis" {
            let [group, after @ ..] = parts else {
                return Ok(info);
            };
            if after.len() < 2 {
                return Ok(info);
            }
            info.group = (*group).to_owned();
            parts = after;
        }
        info.is_resource = true;
        let [version, after @ ..] = parts else {
            return Ok(info);
        };
        info.version = (*version).to_owned();
        parts = after;
        info.verb = match *method {
            Method::POST => "create",
            Method::GET | Method::HEAD => "get",
            Method::PUT => "update",
            Method::PATCH => "patch",
            Method::DELETE => "delete",
            _ => "",
        }
        .to_owned();
        let special = matches!(parts.first(), Some(&("watch" | "proxy")));
        if special {
            if parts.len() < 2 {
                return Err(BadPath(path.to_owned()));
            }
            info.verb = parts[0].to_owned();
            parts = &parts[1..];
        }
        info.place(parts);
        info.name_the_collection_verb(query);
        Ok(info)
    }

    /// Fills namespace, resource, name and subresource from the segments behind the version.
    fn place(&mut self, mut parts: &[&str]) {
        if let ["namespaces", namespace, after @ ..] = parts {
            self.namespace = (*namespace).to_owned();
            if !matches!(after, [] | ["status" | "finalize", ..]) {
                parts = after;
            }
        }
        self.parts = parts.iter().map(|part| (*part).to_owned()).collect();
        if let [resource, ..] = parts {
            self.resource = (*resource).to_owned();
        }
        if let [_, name, ..] = parts {
            self.name = (*name).to_owned();
        }
        if let [_, _, subresource, ..] = parts
            && self.verb != "proxy"
        {
            self.subresource = (*subresource).to_owned();
        }
    }

    /// Turns `get` and `delete` without a name into `list`, `watch` and `deletecollection`.
    fn name_the_collection_verb(&mut self, query: &Query) {
        if self.name.is_empty() && self.verb == "get" {
            self.verb = if query.flag("watch") { "watch" } else { "list" }.to_owned();
            if let Some(name) = exact_name(query.get("fieldSelector").unwrap_or_default()) {
                self.name = name;
            }
        } else if self.name.is_empty() && self.verb == "delete" {
            "deletecollection".clone_into(&mut self.verb);
        }
        if matches!(self.verb.as_str(), "list" | "watch" | "deletecollection") {
            query
                .get("fieldSelector")
                .unwrap_or_default()
                .clone_into(&mut self.field_selector);
            query
                .get("labelSelector")
                .unwrap_or_default()
                .clone_into(&mut self.label_selector);
        }
    }

    /// `resource` or `resource/subresource`.
    pub fn resource_path(&self) -> String {
        if self.subresource.is_empty() {
            self.resource.clone()
        } else {
            format!("{}/{}", self.resource, self.subresource)
        }
    }
}

/// The name a field selector pins down, where it is one that a path could carry.
fn exact_name(selector: &str) -> Option<String> {
    let name = selector.split(',').find_map(|term| {
        let rest = term.trim().strip_prefix("metadata.name")?;
        rest.strip_prefix("==").or_else(|| rest.strip_prefix('='))
    })?;
    let usable = !name.is_empty() && !matches!(name, "." | "..") && !name.contains(['/', '%']);
    usable.then(|| name.to_owned())
}

/// A query string, decoded; the first value of a key counts, as in Go's `url.Values.Get`.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes `application/x-www-form-urlencoded` pairs.
    pub fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(key, true), percent_decode(value, true))
        });
        Self(pairs.collect())
    }

    /// The first value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        let mut pairs = self.0.iter();
        let found = pairs.find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str())
    }

    /// Every value of `key`.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// A boolean as `metav1`'s query conversion reads it: present and not `false` or `0` is true.
    pub fn flag(&self, key: &str) -> bool {
        self.get(key)
            .is_some_and(|value| !matches!(value, "false" | "0"))
    }
}

/// Decodes `%XX`, and `+` as a space where `form` says so.
pub(crate) fn percent_decode(text: &str, form: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes
            .get(at + 1..at + 3)
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (b'+', _) if form => {
                out.push(b' ');
                at += 1;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `METHOD path?query` → `verb group/version namespace resource/subresource name`, or `path verb` for plain paths.
    fn check(line: &str, expect: &str) {
        let (method, uri) = line.split_once(' ').unwrap();
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let info = RequestInfo::parse(
            &Method::from_bytes(method.as_bytes()).unwrap(),
            path,
            &Query::parse(query),
        )
        .unwrap();
        let got = if info.is_resource {
            format!(
                "{} {}/{} {} {} {}",
                info.verb,
                info.group,
                info.version,
                info.namespace,
                info.resource_path(),
                info.name
            )
        } else {
            format!("{} {}", info.path, info.verb)
        };
        assert_eq!(got, expect, "{line}");
    }

    #[test]
    fn requests_read_as_upstream_reads_them() {
        check("GET /api/v1/namespaces", "list /v1  namespaces ");
        check("GET /api/v1/namespaces/a", "get /v1 a namespaces a");
        check(
            "PUT /api/v1/namespaces/a/finalize",
            "update /v1 a namespaces/finalize a",
        );
        check("GET /api/v1/namespaces/a/pods", "list /v1 a pods ");
        check(
            "GET /api/v1/namespaces/a/pods/b/log",
            "get /v1 a pods/log b",
        );
        check(
            "DELETE /apis/apps/v1/namespaces/a/deployments",
            "deletecollection apps/v1 a deployments ",
        );
        check(
            "GET /apis/apps/v1/deployments?watch=1",
            "watch apps/v1  deployments ",
        );
        check(
            "GET /apis/apps/v1/deployments?watch=false",
            "list apps/v1  deployments ",
        );
        check(
            "GET /api/v1/watch/namespaces/a/pods/b",
            "watch /v1 a pods b",
        );
        check(
            "GET /api/v1/pods?fieldSelector=metadata.name%3Dx&watch=true",
            "watch /v1  pods x",
        );
        check("GET /apis/apps/v1", "/apis/apps/v1 get");
        check("GET /apis", "/apis get");
        check("GET /api/v1", "/api/v1 get");
        check("POST /healthz", "/healthz post");
    }
}
