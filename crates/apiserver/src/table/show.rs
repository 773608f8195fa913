//! How values are shown: ages, label selectors, lists with an end.

use clock::Timestamp;
use krm::Value;

/// How long ago a time was, as kubectl shows it.
pub(super) fn age(since: &str, now: Timestamp) -> String {
    match since.parse::<Timestamp>() {
        Ok(since) => human(now.as_second() - since.as_second()),
        Err(_) => "<unknown>".to_owned(),
    }
}

/// As [`age`], for a column of a definition: what is no time is invalid.
pub(super) fn elapsed(since: &str, now: Timestamp) -> String {
    match since.parse::<Timestamp>() {
        Ok(since) => human(now.as_second() - since.as_second()),
        Err(_) => "<invalid>".to_owned(),
    }
}

/// Seconds as `duration.HumanDuration` shows them.
pub(super) fn human(seconds: i64) -> String {
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

/// The strings of a list.
pub(super) fn strings<'a>(object: &'a Value, pointer: &str) -> Vec<&'a str> {
    list(object, pointer)
        .iter()
        .filter_map(Value::as_str)
        .collect()
}

/// A list, empty where absent.
pub(super) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    let list = object.pointer(pointer).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

/// A string, `""` where absent.
pub(super) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    let text = object.pointer(pointer).and_then(Value::as_str);
    text.unwrap_or_default()
}

/// A number, 0 where absent.
pub(super) fn number(object: &Value, pointer: &str) -> i64 {
    let number = object.pointer(pointer).and_then(Value::as_i64);
    number.unwrap_or_default()
}

/// A text, or what stands for none.
pub(super) fn or<'a>(text: &'a str, none: &'a str) -> &'a str {
    if text.is_empty() { none } else { text }
}

/// A label selector as `metav1.FormatLabelSelector` writes it.
pub(super) fn selector(value: Option<&Value>) -> String {
    let Some(value) = value else {
        return "<none>".to_owned();
    };
    let mut terms = Vec::new();
    let labels = value.get("matchLabels").and_then(Value::as_object);
    for (key, value) in labels.into_iter().flatten() {
        terms.push(format!("{key}={}", value.as_str().unwrap_or_default()));
    }
    for expression in list(value, "/matchExpressions") {
        let key = text(expression, "/key");
        let values = strings(expression, "/values").join(",");
        terms.push(match text(expression, "/operator") {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        });
    }
    or(&terms.join(","), "<none>").to_owned()
}

/// A map of labels as `labels.FormatLabels` writes it.
pub(super) fn labels(value: Option<&Value>) -> String {
    let labels = value.and_then(Value::as_object).into_iter().flatten();
    let labels: Vec<String> = labels
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    or(&labels.join(","), "<none>").to_owned()
}

/// Names and images of a Pod template's containers.
pub(super) fn containers(object: &Value, pointer: &str) -> [String; 2] {
    let of = |key: &str| {
        let containers = list(object, pointer).iter();
        let texts: Vec<&str> = containers.map(|container| text(container, key)).collect();
        texts.join(",")
    };
    [of("/name"), of("/image")]
}

/// Whether a condition of that type is true.
pub(super) fn is_true(object: &Value, type_: &str) -> bool {
    let conditions = list(object, "/status/conditions").iter();
    conditions
        .filter(|condition| condition["type"] == type_)
        .any(|condition| condition["status"] == "True")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_short() {
        let check = |seconds: i64, expect: &str| assert_eq!(human(seconds), expect);
        check(-5, "<invalid>");
        check(119, "119s");
        check(125, "2m5s");
        check(600, "10m");
        check(3 * 3600 + 60, "3h1m");
        check(47 * 3600, "47h");
        check(50 * 3600, "2d2h");
        check(325 * 86400, "325d");
        check(3 * 365 * 86400, "3y");
    }
}
