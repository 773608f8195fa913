//! A server, and requests to it as one line and a body.

use apiserver::{BoxBody, Caller, ClientCertificate, Config, Server, User};
use http::Request;
use http_body_util::{BodyExt, Full};
use krm::{Value, json};
use tower::Service;

/// A fresh server on the machine's clock.
pub(crate) struct Api {
    pub(crate) server: Server,
}

impl Api {
    pub(crate) async fn new() -> Self {
        let server = Server::new(Config::real());
        let api = Self { server };
        api.settled().await;
        api
    }

    /// Waits until no controller has anything left to do.
    pub(crate) async fn settled(&self) {
        self.server.activity().idle().await;
    }

    /// Sends `METHOD /path` with headers, from somewhere.
    pub(crate) async fn call(
        &self,
        caller: Caller,
        line: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> (u16, Value) {
        let (method, path) = line.split_once(' ').unwrap();
        let media = match method {
            "PATCH" if path.contains("fieldManager=") => "application/apply-patch+yaml",
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let bytes = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        let body: BoxBody = Full::from(bytes)
            .map_err(|never| match never {})
            .boxed_unsync();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", media);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut service = self.server.service(caller);
        let response = service.call(request.body(body).unwrap()).await.unwrap();
        let code = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (code, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    pub(crate) async fn send_as(&self, user: &User, line: &str, body: Value) -> (u16, Value) {
        self.call(Caller::InProcess(user.clone()), line, &[], &body)
            .await
    }

    pub(crate) async fn send(&self, line: &str, body: Value) -> (u16, Value) {
        self.send_as(&User::admin(), line, body).await
    }

    /// Sends something that must succeed.
    pub(crate) async fn must(&self, line: &str, body: Value) -> Value {
        let (code, answer) = self.send(line, body).await;
        assert!(code < 300, "{line}: {answer}");
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.must(&format!("GET {path}"), Value::Null).await
    }

    /// Says whether something exists.
    pub(crate) async fn exists(&self, path: &str) -> bool {
        self.send(&format!("GET {path}"), Value::Null).await.0 == 200
    }

    /// Makes a namespace and waits for what comes with it.
    pub(crate) async fn namespace(&self, name: &str) {
        self.must(
            "POST /api/v1/namespaces",
            json!({"metadata": {"name": name}}),
        )
        .await;
        self.settled().await;
    }

    /// Sends something that must be refused, and returns the message.
    pub(crate) async fn refusal(&self, user: &User, line: &str, body: Value) -> String {
        let (code, answer) = self.send_as(user, line, body).await;
        assert!(code >= 400, "{line}: {answer}");
        answer["message"].as_str().unwrap().to_owned()
    }
}

/// A caller from the network with a client certificate.
pub(crate) fn certified(name: &str, groups: &[&str]) -> Caller {
    Caller::Network(Some(ClientCertificate {
        common_name: name.to_owned(),
        organizations: groups.iter().map(|group| (*group).to_owned()).collect(),
        fingerprint: String::new(),
    }))
}
