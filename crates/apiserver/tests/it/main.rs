//! What no recording can show: HTTPS and its identities, limits, the request log, work that is counted.

#![expect(clippy::unwrap_used, reason = "a test's helpers may fail it")]

use apiserver::{BoxBody, Caller, Config, Server, User};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use krm::{Value, json};
use testkit::https::{Endpoint, Https};
use testkit::target::{Target, Who, collect};

mod kube;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn request(line: &str, body: &Value) -> Request<Bytes> {
    let (method, path) = line.split_once(' ').unwrap();
    let bytes = if body.is_null() {
        Bytes::new()
    } else {
        body.to_string().into()
    };
    let request = Request::builder().method(method).uri(path);
    request
        .header("content-type", "application/json")
        .body(bytes)
        .unwrap()
}

async fn send(server: &Server, line: &str, body: &Value) -> http::Response<BoxBody> {
    let service = server.service(Caller::InProcess(User::admin()));
    let request = request(line, body).map(|bytes| {
        Full::new(bytes)
            .map_err(|never| match never {})
            .boxed_unsync()
    });
    service.send(request).await
}

async fn ask(server: &Server, line: &str, body: &Value) -> (u16, Value) {
    let response = send(server, line, body).await;
    let code = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (code, serde_json::from_slice(&bytes).unwrap_or_default())
}

fn map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "b"}})
}

#[tokio::test]
async fn over_https_the_certificate_says_who_asks() {
    let server = Server::new(Config::real());
    let listening = server.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let target = Https::new(&Endpoint {
        server: listening.url(),
        ca: listening.authority().to_owned(),
        certificate: listening.administrator().certificate.clone(),
        key: listening.administrator().key.clone(),
    })
    .unwrap();
    let line = format!("GET {MAPS}");
    let mut seen = Vec::new();
    for who in [Who::Administrator, Who::Nobody] {
        let answer = target
            .send(who, request(&line, &Value::Null))
            .await
            .unwrap();
        seen.push(answer.status().as_u16());
        let body: Value =
            serde_json::from_slice(&collect(answer.into_body()).await.unwrap()).unwrap();
        assert!(matches!(
            body["kind"].as_str(),
            Some("ConfigMapList" | "Status")
        ));
    }
    assert_eq!(seen, [200, 403]);
    let users: Vec<String> = server
        .requests(0)
        .into_iter()
        .filter(|entry| entry.info.path == MAPS && entry.info.verb == "list")
        .map(|entry| entry.user)
        .collect();
    assert_eq!(users, ["kubernetes-admin", "system:anonymous"]);
    assert!(
        listening
            .kubeconfig("weir-test")
            .contains("current-context: weir-test")
    );
    server.stop();
}

#[tokio::test]
async fn an_undelivered_event_counts_as_work() {
    let server = Server::new(Config::real());
    server.activity().idle().await;
    let path = format!(
        "GET {MAPS}?watch=true&resourceVersion={}",
        server.store().version()
    );
    let mut watch = send(&server, &path, &Value::Null).await.into_body();
    server.activity().idle().await;
    ask(&server, &format!("POST {MAPS}"), &map("one")).await;
    // The server's own controllers hear of it, too, and are done soon.
    while server.activity().busy() > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.activity().busy(), 1);
    let frame = watch.frame().await.unwrap().unwrap().into_data().unwrap();
    let event: Value = serde_json::from_slice(&frame).unwrap();
    assert_eq!(event["type"], "ADDED");
    // Read, but not yet dealt with: that is over when the reader asks for more.
    assert_eq!(server.activity().busy(), 1);
    let more = tokio::spawn(async move { watch.frame().await.is_some() });
    server.activity().idle().await;
    more.abort();
    server.stop();
}

#[tokio::test]
async fn a_body_of_more_than_three_mebibytes_is_refused() {
    let server = Server::new(Config::real());
    let mut large = map("large");
    large["data"]["a"] = "x".repeat(3 << 20).into();
    let (code, status) = ask(&server, &format!("POST {MAPS}"), &large).await;
    assert_eq!(code, 413);
    assert_eq!(
        status["message"],
        "Request entity too large: limit is 3145728"
    );
    server.stop();
}

#[tokio::test]
async fn the_past_ends_with_the_ring() {
    let mut config = Config::real();
    config.limits.events = 4;
    let server = Server::new(config);
    let start = server.store().version();
    for name in ["a", "b", "c", "d", "e", "f"] {
        ask(&server, &format!("POST {MAPS}"), &map(name)).await;
    }
    let path = format!("GET {MAPS}?resourceVersion={start}&resourceVersionMatch=Exact");
    let (code, status) = ask(&server, &path, &Value::Null).await;
    assert_eq!((code, status["reason"].as_str()), (410, Some("Expired")));
    let future = server.store().version() + 1_000_000;
    let path = format!("GET {MAPS}?resourceVersion={future}");
    let (code, status) = ask(&server, &path, &Value::Null).await;
    assert_eq!(code, 504);
    assert_eq!(
        status["details"]["causes"][0]["reason"],
        "ResourceVersionTooLarge"
    );
    server.stop();
}

#[tokio::test]
async fn many_writers_of_one_object_all_get_through() {
    let server = Server::new(Config::real());
    ask(&server, &format!("POST {MAPS}"), &map("shared")).await;
    let writes: Vec<_> = (0..20)
        .map(|at| tokio::spawn(add_key(server.clone(), at)))
        .collect();
    for write in writes {
        assert_eq!(write.await.unwrap(), 200);
    }
    let (_, object) = ask(&server, &format!("GET {MAPS}/shared"), &Value::Null).await;
    assert_eq!(object["data"].as_object().unwrap().len(), 21);
    server.stop();
}

async fn add_key(server: Server, at: u32) -> u16 {
    let mut data = krm::Map::new();
    data.insert(format!("k{at}"), "v".into());
    let bytes = Bytes::from(json!({"data": data}).to_string());
    let body: BoxBody = Full::new(bytes)
        .map_err(|never| match never {})
        .boxed_unsync();
    let request = Request::patch(format!("{MAPS}/shared"))
        .header("content-type", "application/merge-patch+json")
        .body(body)
        .unwrap();
    let service = server.service(Caller::InProcess(User::admin()));
    service.send(request).await.status().as_u16()
}
