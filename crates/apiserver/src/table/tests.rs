//! Rows held against those of the real server.

use krm::Value;

use super::cells;
use crate::Registry;
use crate::request::{Query, RequestInfo};

#[test]
fn rows_are_the_real_servers() {
    let recorded = include_str!("../../tests/table-rows.json");
    let recorded: Value = serde_json::from_str(recorded).unwrap();
    let registry = Registry::builtin();
    let mut wrong = Vec::new();
    for (path, rows) in recorded.as_object().unwrap() {
        let info = RequestInfo::parse(&http::Method::GET, path, &Query::default()).unwrap();
        let resource = registry.get(&info.group, &info.version, &info.resource);
        let resource = resource.unwrap();
        let columns = cells::columns(resource);
        for row in rows.as_array().unwrap() {
            let now = row["now"].as_str().unwrap().parse().unwrap();
            let got = Value::from(cells::cells(resource, &columns, &row["object"], now));
            if got != row["cells"] {
                wrong.push(format!("{path}:\n got {got}\nwant {}", row["cells"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
