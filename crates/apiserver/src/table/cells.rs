//! What stands in the cells of a row.

use clock::Timestamp;
use krm::Value;
use schema::Column;

use crate::registry::Resource;

/// The columns of a resource's tables.
pub(crate) fn columns(resource: &Resource) -> Vec<Column> {
    let columns = &resource.facts().columns;
    if !columns.is_empty() {
        return columns.clone();
    }
    let column = |name: &str, type_: &str, format: &str| Column {
        name: name.to_owned(),
        type_: type_.to_owned(),
        format: format.to_owned(),
        priority: 0,
    };
    vec![
        column("Name", "string", "name"),
        column("Age", "string", ""),
    ]
}

/// The cells of one object.
pub(crate) fn cells(
    _resource: &Resource,
    columns: &[Column],
    object: &Value,
    now: Timestamp,
) -> Vec<Value> {
    columns
        .iter()
        .map(|column| match column.name.as_str() {
            "Name" => crate::meta::text(object, "name").into(),
            "Age" => age(crate::meta::text(object, "creationTimestamp"), now).into(),
            _ => Value::from(""),
        })
        .collect()
}

/// What a row says of itself: a finished Pod is `Completed`.
pub(crate) fn conditions(_resource: &Resource, _object: &Value) -> Option<Value> {
    None
}

/// How long ago a time was, as kubectl shows it.
pub(crate) fn age(since: &str, now: Timestamp) -> String {
    match since.parse::<Timestamp>() {
        Ok(since) => human(now.as_second() - since.as_second()),
        Err(_) => "<unknown>".to_owned(),
    }
}

/// Seconds as `duration.HumanDuration` shows them.
pub(crate) fn human(seconds: i64) -> String {
    if seconds < -1 {
        return "<invalid>".to_owned();
    }
    let seconds = seconds.max(0);
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let two = |big: i64, unit: &str, small: i64, small_unit: &str| match small {
        0 => format!("{big}{unit}"),
        small => format!("{big}{unit}{small}{small_unit}"),
    };
    match () {
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => two(hours, "h", minutes % 60, "m"),
        () if hours < 48 => format!("{hours}h"),
        () if hours < 192 => two(hours / 24, "d", hours % 24, "h"),
        () if hours < 24 * 365 * 2 => format!("{}d", hours / 24),
        () if hours < 24 * 365 * 8 => two(hours / 24 / 365, "y", (hours / 24) % 365, "d"),
        () => format!("{}y", hours / 24 / 365),
    }
}
