//! A kind's columns in `get`, and an object's cells in them.

use api::{Kind, names};
use krm::{Object, Value};

/// A column beside namespace and name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Source,
    Revision,
    Suspended,
    Ready,
    Message,
    Image,
    Tag,
    LastScan,
    LastRun,
}

/// What is shown beside the kind's own columns.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Show {
    /// The namespace, in front.
    pub(crate) namespace: bool,
    /// The kind, before the name.
    pub(crate) kind: bool,
    /// Where a Kustomization or a HelmRelease takes its content from.
    pub(crate) source: bool,
    /// Hashes whole.
    pub(crate) whole: bool,
}

/// A kind's columns.
fn columns(kind: &Kind, show: Show) -> Vec<Column> {
    use Column::{Image, LastRun, LastScan, Message, Ready, Revision, Source, Suspended, Tag};
    let mut columns = match kind.kind {
        "ExternalArtifact" => vec![Revision, Source, Ready, Message],
        "ImagePolicy" => vec![Image, Tag, Ready, Message],
        "ImageRepository" => vec![LastScan, Suspended, Ready, Message],
        "ImageUpdateAutomation" => vec![LastRun, Suspended, Ready, Message],
        "Receiver" | "Alert" | "ArtifactGenerator" => vec![Suspended, Ready, Message],
        "Provider" => vec![Ready, Message],
        _ => vec![Revision, Suspended, Ready, Message],
    };
    if show.source && matches!(kind.kind, "Kustomization" | "HelmRelease") {
        columns.insert(0, Source);
    }
    columns
}

/// Whose hashes are cut, in revision and message.
fn shortened(kind: &Kind) -> (bool, bool) {
    match kind.kind {
        "Kustomization" | "GitRepository" | "OCIRepository" | "HelmRepository" | "Bucket"
        | "ExternalArtifact" => (true, true),
        "HelmChart" => (false, true),
        _ => (false, false),
    }
}

/// The headers of a kind's table.
pub(crate) fn header(kind: &Kind, show: Show) -> Vec<&'static str> {
    let mut header = Vec::new();
    if show.namespace {
        header.push("namespace");
    }
    header.push("name");
    header.extend(columns(kind, show).into_iter().map(|column| match column {
        Column::Source => "source",
        Column::Revision => "revision",
        Column::Suspended => "suspended",
        Column::Ready => "ready",
        Column::Message => "message",
        Column::Image => "image",
        Column::Tag => "tag",
        Column::LastScan => "last scan",
        Column::LastRun => "last run",
    }));
    header
}

/// An object's cells, under [`header`].
pub(crate) fn cells(kind: &Kind, object: &Object, show: Show) -> Vec<String> {
    let mut cells = Vec::new();
    if show.namespace {
        cells.push(object.namespace().unwrap_or_default().to_owned());
    }
    cells.push(if show.kind {
        format!("{}/{}", kind.kind.to_lowercase(), object.name())
    } else {
        object.name().to_owned()
    });
    let (ready, message) = ready(kind, object);
    let (cut_revision, cut_message) = if show.whole {
        (false, false)
    } else {
        shortened(kind)
    };
    let cut = |text: &str, cut: bool| if cut { shorten(text) } else { text.to_owned() };
    cells.extend(columns(kind, show).into_iter().map(|column| {
        match column {
            Column::Source => source(object),
            Column::Revision => cut(revision(kind, object), cut_revision),
            Column::Suspended => if is_suspended(kind, object) {
                "True"
            } else {
                "False"
            }
            .to_owned(),
            Column::Ready => ready.clone(),
            Column::Message => cut(&message, cut_message),
            Column::Image => text(object, "/status/latestRef/name").to_owned(),
            Column::Tag => text(object, "/status/latestRef/tag").to_owned(),
            Column::LastScan => text(object, "/status/lastScanResult/scanTime").to_owned(),
            Column::LastRun => text(object, "/status/lastAutomationRunTime").to_owned(),
        }
    }));
    cells
}

/// A text at a pointer, empty where there is none.
pub(crate) fn text<'a>(object: &'a Object, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// Whether an object is mere data, which nobody reconciles.
pub(crate) fn is_static(kind: &Kind, object: &Object) -> bool {
    kind.cli.is_static || (kind.kind == "HelmRepository" && text(object, "/spec/type") == "oci")
}

/// Whether somebody stopped an object's reconciliation.
pub(crate) fn is_suspended(kind: &Kind, object: &Object) -> bool {
    if kind.kind == "ArtifactGenerator" {
        return object.annotation("source.extensions.fluxcd.io/reconcile") == Some("disabled");
    }
    object
        .pointer("/spec/suspend")
        .and_then(Value::as_bool)
        .unwrap_or_default()
}

/// A condition of an object.
pub(crate) fn condition<'a>(object: &'a Object, kind: &str) -> Option<&'a Value> {
    let conditions = object
        .pointer("/status/conditions")
        .and_then(Value::as_array);
    conditions
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == kind)
}

fn ready(kind: &Kind, object: &Object) -> (String, String) {
    if is_static(kind, object) {
        let what = if kind.kind == "HelmRepository" {
            "Helm repository"
        } else {
            kind.kind
        };
        return ("True".into(), format!("{what} is Ready"));
    }
    match condition(object, names::READY) {
        Some(ready) => {
            let text = |key: &str| ready[key].as_str().unwrap_or_default().to_owned();
            (text("status"), text("message"))
        }
        None => ("False".into(), "waiting to be reconciled".into()),
    }
}

/// The revision an object stands at.
pub(crate) fn revision<'a>(kind: &Kind, object: &'a Object) -> &'a str {
    match kind.kind {
        "Kustomization" => text(object, "/status/lastAppliedRevision"),
        "HelmRelease" => match text(object, "/status/history/0/chartVersion") {
            "" => text(object, "/status/lastAttemptedRevision"),
            version => version,
        },
        _ => text(object, "/status/artifact/revision"),
    }
}

/// Where an object takes its content from: `Kind/namespace/name`.
fn source(object: &Object) -> String {
    let places = [
        "/spec/sourceRef",
        "/spec/chartRef",
        "/spec/chart/spec/sourceRef",
    ];
    let Some(reference) = places.iter().find_map(|place| object.pointer(place)) else {
        return String::new();
    };
    let part = |key: &str| reference[key].as_str().unwrap_or_default();
    let namespace = match part("namespace") {
        "" => object.namespace().unwrap_or_default(),
        namespace => namespace,
    };
    format!("{}/{namespace}/{}", part("kind"), part("name"))
}

/// Cuts every word of 40 to 128 lower-case hexadecimal digits to eight.
pub(crate) fn shorten(text: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_hash = |word: &str| {
        (40..=128).contains(&word.len())
            && word
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let mut out = String::with_capacity(text.len());
    for piece in text.split_inclusive(|c: char| !is_word(c)) {
        let end = piece.find(|c: char| !is_word(c)).unwrap_or(piece.len());
        let (word, rest) = piece.split_at(end);
        out.push_str(if is_hash(word) { &word[..8] } else { word });
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use krm::json;

    use super::*;

    const HASH: &str = "0123456789abcdef0123456789abcdef01234567";

    /// The line of an object of the kind with this spec and status: cells joined by `|`.
    fn line(kind: &str, spec: Value, status: Value, show: Show) -> String {
        let kind = api::KINDS.into_iter().find(|row| row.kind == kind).unwrap();
        let object = Object::try_from(json!({
            "apiVersion": kind.api_version(),
            "kind": kind.kind,
            "metadata": {"name": "x", "namespace": "ns"},
            "spec": spec,
            "status": status,
        }))
        .unwrap();
        assert_eq!(header(kind, show).len(), cells(kind, &object, show).len());
        cells(kind, &object, show).join("|")
    }

    fn ready(message: &str) -> Value {
        json!([{"type": "Ready", "status": "True", "message": message}])
    }

    #[test]
    fn hashes_are_cut_where_upstream_cuts_them() {
        let revision = format!("main@sha1:{HASH}");
        let status = || json!({"lastAppliedRevision": revision, "artifact": {"revision": revision}, "conditions": ready(&format!("at {HASH}"))});
        let none = Show::default();
        assert_eq!(
            line("Kustomization", json!({}), status(), none),
            "x|main@sha1:01234567|False|True|at 01234567"
        );
        assert_eq!(
            line("GitRepository", json!({}), status(), none),
            "x|main@sha1:01234567|False|True|at 01234567"
        );
        assert_eq!(
            line("HelmChart", json!({}), status(), none),
            format!("x|{revision}|False|True|at 01234567")
        );
        assert_eq!(
            line("Receiver", json!({}), status(), none),
            format!("x|False|True|at {HASH}")
        );
        let whole = Show {
            whole: true,
            ..none
        };
        assert_eq!(
            line("Kustomization", json!({}), status(), whole),
            format!("x|{revision}|False|True|at {HASH}")
        );
        assert_eq!(shorten("deadbeef"), "deadbeef");
        assert_eq!(shorten(&format!("x{HASH}")), format!("x{HASH}"));
    }

    #[test]
    fn each_kind_has_its_columns() {
        let all = Show {
            namespace: true,
            kind: true,
            source: true,
            whole: false,
        };
        let source = json!({"sourceRef": {"kind": "GitRepository", "name": "repo"}});
        assert_eq!(
            line("Kustomization", source.clone(), json!({}), all),
            "ns|kustomization/x|GitRepository/ns/repo||False|False|waiting to be reconciled"
        );
        assert_eq!(
            line(
                "Alert",
                json!({"suspend": true}),
                json!({}),
                Show::default()
            ),
            "x|True|True|Alert is Ready"
        );
        assert_eq!(
            line("Provider", json!({}), json!({}), Show::default()),
            "x|True|Provider is Ready"
        );
        assert_eq!(
            line(
                "HelmRepository",
                json!({"type": "oci"}),
                json!({}),
                Show::default()
            ),
            "x||False|True|Helm repository is Ready"
        );
        let release = json!({"history": [{"chartVersion": "1.2.3"}], "lastAttemptedRevision": "1.2.4", "conditions": ready("ok")});
        assert_eq!(
            line("HelmRelease", json!({}), release, Show::default()),
            "x|1.2.3|False|True|ok"
        );
        let policy = json!({"latestRef": {"name": "ghcr.io/acme/api", "tag": "1.4.2"}, "conditions": ready("ok")});
        assert_eq!(
            line(
                "ImagePolicy",
                json!({"suspend": true}),
                policy,
                Show::default()
            ),
            "x|ghcr.io/acme/api|1.4.2|True|ok"
        );
    }
}
