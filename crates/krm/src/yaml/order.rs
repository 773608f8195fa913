//! The order go-yaml v2 writes keys in: letters after everything else, runs of digits by their number.

use std::cmp::Ordering;

/// Sorts keys as go-yaml v2's `keyList`. That order is no total order for every set of keys, so this is a merge sort, which ends anyway.
pub(super) fn sort(keys: &mut Vec<&str>) {
    if keys.windows(2).all(|pair| less(pair[0], pair[1])) {
        return;
    }
    let sorted = merge_sort(keys);
    *keys = sorted;
}

fn merge_sort<'a>(keys: &[&'a str]) -> Vec<&'a str> {
    if keys.len() < 2 {
        return keys.to_vec();
    }
    let (left, right) = keys.split_at(keys.len() / 2);
    let (left, right) = (merge_sort(left), merge_sort(right));
    let mut sorted = Vec::with_capacity(keys.len());
    let (mut l, mut r) = (0, 0);
    while l < left.len() && r < right.len() {
        if less(right[r], left[l]) {
            sorted.push(right[r]);
            r += 1;
        } else {
            sorted.push(left[l]);
            l += 1;
        }
    }
    sorted.extend_from_slice(&left[l..]);
    sorted.extend_from_slice(&right[r..]);
    sorted
}

fn less(a: &str, b: &str) -> bool {
    let differing = a.chars().zip(b.chars()).position(|(a, b)| a != b);
    let Some(at) = differing else {
        return a.len() < b.len();
    };
    let start: usize = a.chars().take(at).map(char::len_utf8).sum();
    let (x, y) = (first(&a[start..]), first(&b[start..]));
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x < y,
        (false, false) => {}
        (_, y_is_letter) => return y_is_letter,
    }
    // Zeros inside a number count, leading zeros do not.
    let seed = i64::from((x == '0' || y == '0') && inside_a_number(&a[..start]));
    let (a, b) = (run(&a[start..], seed), run(&b[start..], seed));
    match a.cmp(&b) {
        Ordering::Equal => x < y,
        order => order == Ordering::Less,
    }
}

fn first(text: &str) -> char {
    text.chars().next().unwrap_or_default()
}

fn inside_a_number(before: &str) -> bool {
    before
        .bytes()
        .rev()
        .take_while(u8::is_ascii_digit)
        .any(|digit| digit != b'0')
}

/// The number that starts here, and how many digits it has.
fn run(text: &str, seed: i64) -> (i64, usize) {
    let digits = text.bytes().take_while(u8::is_ascii_digit);
    digits.fold((seed, 0), |(number, length), digit| {
        let number = number
            .wrapping_mul(10)
            .wrapping_add(i64::from(digit - b'0'));
        (number, length + 1)
    })
}
