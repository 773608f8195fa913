//! The timestamps go-yaml recognises.

/// Reads `2001-1-2`, `2001-1-2 3:4:5.6` and `2001-1-2T3:4:5.6+07:00` and writes RFC 3339 as Go does.
pub(super) fn parse(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || bytes[4] != b'-' || !bytes[..4].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut rest = &text[5..];
    let year: u32 = text[..4].parse().ok()?;
    let month = number(&mut rest)?;
    rest = rest.strip_prefix('-')?;
    let day = number(&mut rest)?;
    if !(1..=12).contains(&month) || day < 1 || day > days(year, month) {
        return None;
    }
    let date = format!("{year:04}-{month:02}-{day:02}");
    if rest.is_empty() {
        return Some(format!("{date}T00:00:00Z"));
    }
    let zoned = rest.starts_with(['T', 't']);
    if !zoned && !rest.starts_with(' ') {
        return None;
    }
    rest = &rest[1..];
    let clock = clock(&mut rest)?;
    let zone = if zoned { zone(rest)? } else { "Z".into() };
    (zoned || rest.is_empty()).then(|| format!("{date}T{clock}{zone}"))
}

fn clock(rest: &mut &str) -> Option<String> {
    let hour = number(rest)?;
    *rest = rest.strip_prefix(':')?;
    let minute = number(rest)?;
    *rest = rest.strip_prefix(':')?;
    let second = number(rest)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut fraction = String::new();
    if rest.starts_with(['.', ',']) {
        let length = rest[1..].bytes().take_while(u8::is_ascii_digit).count();
        if length > 0 {
            fraction = rest[1..=length.min(9)].trim_end_matches('0').to_owned();
            *rest = &rest[1 + length..];
        }
    }
    if !fraction.is_empty() {
        fraction.insert(0, '.');
    }
    Some(format!("{hour:02}:{minute:02}:{second:02}{fraction}"))
}

fn zone(text: &str) -> Option<String> {
    if text == "Z" {
        return Some("Z".into());
    }
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 6
        && matches!(bytes[0], b'+' | b'-')
        && bytes[3] == b':'
        && [1, 2, 4, 5].iter().all(|at| bytes[*at].is_ascii_digit());
    if !shaped || &text[1..3] > "24" || &text[4..] > "60" {
        return None;
    }
    Some(if &text[1..] == "00:00" { "Z" } else { text }.into())
}

/// One or two digits.
fn number(rest: &mut &str) -> Option<u32> {
    let length = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let value = rest[..length].parse().ok()?;
    *rest = &rest[length..];
    Some(value)
}

fn days(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 31,
    }
}
