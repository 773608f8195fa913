//! Who may act as whom.

use super::*;

/// `header: value` lines, and what the requester `c` may do (as [`Attributes::parse`] reads it) → the user, or the refusal.
fn check(headers: &[(&'static str, &'static str)], may: &[&str], expect: &str) {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    let asked = Attributes {
        user: User::new("c", &[]),
        ..Attributes::parse("get configmaps a -n team")
    };
    let may: Vec<Attributes> = may
        .iter()
        .map(|what| Attributes {
            version: String::new(),
            user: asked.user.clone(),
            ..Attributes::parse(what)
        })
        .collect();
    let authorizer = |asked: &Attributes| {
        let asked = Attributes {
            version: String::new(),
            ..asked.clone()
        };
        Decision {
            allowed: may.contains(&asked),
            reason: String::new(),
        }
    };
    let got = match impersonate(&map, &asked, &LastModes::default(), &authorizer) {
        Ok(None) => "nobody".to_owned(),
        Ok(Some(user)) => format!("{} {}", user.name, user.groups.join(",")),
        Err(error) => error.message().to_owned(),
    };
    assert_eq!(got, expect);
}

const RECONCILER: (&str, &str) = ("Impersonate-User", "system:serviceaccount:team:reconciler");

#[test]
fn a_service_account_comes_with_its_groups() {
    check(&[], &[], "nobody");
    let groups = "system:serviceaccounts,system:serviceaccounts:team,system:authenticated";
    let expect = format!("system:serviceaccount:team:reconciler {groups}");
    check(
        &[RECONCILER],
        &["impersonate serviceaccounts reconciler -n team"],
        &expect,
    );
    check(
        &[RECONCILER],
        &[
            "impersonate-on:serviceaccount:get configmaps a -n team",
            "impersonate:serviceaccount serviceaccounts.authentication.k8s.io reconciler -n team",
        ],
        &expect,
    );
}

#[test]
fn the_first_refusal_is_the_answer() {
    check(
        &[RECONCILER],
        &[],
        "configmaps \"a\" is forbidden: User \"c\" cannot impersonate-on:serviceaccount:get resource \"configmaps\" in API \
         group \"\" in the namespace \"team\"",
    );
    check(
        &[
            ("Impersonate-User", "jane"),
            ("Impersonate-Group", "system:masters"),
        ],
        &[
            "impersonate-on:user-info:get configmaps a -n team",
            "impersonate:user-info users.authentication.k8s.io jane",
        ],
        "groups.authentication.k8s.io \"system:masters\" is forbidden: User \"c\" cannot impersonate:user-info resource \
         \"groups\" in API group \"authentication.k8s.io\" at the cluster scope: impersonating the system:masters group is \
         not allowed",
    );
}

#[test]
fn groups_given_replace_those_that_are_known() {
    check(
        &[RECONCILER, ("Impersonate-Group", "g")],
        &[
            "impersonate serviceaccounts reconciler -n team",
            "impersonate groups g",
        ],
        "system:serviceaccount:team:reconciler g,system:authenticated",
    );
    check(
        &[("Impersonate-User", "system:anonymous")],
        &["impersonate users system:anonymous"],
        "system:anonymous system:unauthenticated",
    );
}

#[test]
fn a_group_alone_is_a_bad_request() {
    check(
        &[("Impersonate-Group", "a"), ("Impersonate-Group", "b")],
        &[],
        "requested &user.DefaultInfo{Name:\"\", UID:\"\", Groups:[]string{\"a\", \"b\"}, \
         Extra:map[string][]string(nil)} without impersonating a user name",
    );
}
