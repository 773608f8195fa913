//! kube as a client: over HTTPS, with the kubeconfig that users get.

use std::collections::BTreeMap;

use apiserver::{Config, Server};
use futures_util::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use krm::json;
use kube::api::{
    Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
};
use kube::config::{KubeConfigOptions, Kubeconfig};

async fn client(server: &Server, impersonate: Option<&str>) -> kube::Client {
    let listening = server.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let kubeconfig = Kubeconfig::from_yaml(&listening.kubeconfig("weir")).unwrap();
    let options = KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await;
    let mut config = config.unwrap();
    config.auth_info.impersonate = impersonate.map(str::to_owned);
    kube::Client::try_from(config).unwrap()
}

fn map(value: &str) -> ConfigMap {
    let mut map = ConfigMap::default();
    map.metadata.name = Some("map".to_owned());
    map.data = Some(BTreeMap::from([("a".to_owned(), value.to_owned())]));
    map
}

fn value(map: &ConfigMap) -> &str {
    map.data.as_ref().map_or("", |data| data["a"].as_str())
}

#[tokio::test]
async fn kube_lists_watches_applies_and_patches() {
    let server = Server::new(Config::real());
    let maps: Api<ConfigMap> = Api::default_namespaced(client(&server, None).await);
    let params = ListParams::default().fields("metadata.name=map");
    let before = maps.list(&params).await.unwrap();
    assert!(before.items.is_empty());
    let from = before.metadata.resource_version.unwrap();
    let watch = WatchParams::default().fields("metadata.name=map");
    let events = maps.watch(&watch, &from).await.unwrap();

    let made = maps
        .create(&PostParams::default(), &map("1"))
        .await
        .unwrap();
    assert_eq!(value(&made), "1");
    let again = maps.create(&PostParams::default(), &map("1")).await;
    assert!(matches!(again, Err(kube::Error::Api(status)) if status.is_already_exists()));
    let merge = Patch::Merge(json!({"data": {"a": "2"}}));
    let merged = maps.patch("map", &PatchParams::default(), &merge).await;
    assert_eq!(value(&merged.unwrap()), "2");
    let apply = Patch::Apply(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "map"}, "data": {"a": "3"},
    }));
    let refused = maps.patch("map", &PatchParams::apply("me"), &apply).await;
    assert!(matches!(refused, Err(kube::Error::Api(status)) if status.is_conflict()));
    let forced = PatchParams::apply("me").force();
    let applied = maps.patch("map", &forced, &apply).await.unwrap();
    assert_eq!(value(&applied), "3");
    maps.delete("map", &DeleteParams::default()).await.unwrap();
    assert!(maps.get_opt("map").await.unwrap().is_none());

    let seen: Vec<_> = events.take(4).try_collect().await.unwrap();
    let seen: Vec<(&str, &str)> = seen.iter().map(told).collect();
    let expected = [
        ("added", "1"),
        ("modified", "2"),
        ("modified", "3"),
        ("deleted", "3"),
    ];
    assert_eq!(seen, expected);
    server.stop();
}

fn told(event: &WatchEvent<ConfigMap>) -> (&str, &str) {
    match event {
        WatchEvent::Added(map) => ("added", value(map)),
        WatchEvent::Modified(map) => ("modified", value(map)),
        WatchEvent::Deleted(map) => ("deleted", value(map)),
        WatchEvent::Bookmark(_) => ("bookmark", ""),
        WatchEvent::Error(_) => ("error", ""),
    }
}

#[tokio::test]
async fn the_log_says_who_impersonates_and_what_is_kept() {
    let server = Server::new(Config::real());
    let jo = client(&server, Some("jo")).await;
    let maps: Api<ConfigMap> = Api::default_namespaced(jo);
    let refused = maps.create(&PostParams::default(), &map("1")).await;
    let Err(kube::Error::Api(status)) = refused else {
        panic!("jo may create: {refused:?}");
    };
    assert_eq!(
        status.message,
        "configmaps is forbidden: User \"jo\" cannot create resource \"configmaps\" in API group \"\" in the namespace \"default\""
    );
    let maps: Api<ConfigMap> = Api::default_namespaced(client(&server, None).await);
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    maps.create(&dry, &map("1")).await.unwrap();
    assert!(maps.get_opt("map").await.unwrap().is_none());
    let told: Vec<String> = server
        .requests(0)
        .iter()
        .filter(|entry| entry.info.resource == "configmaps" && !entry.user.starts_with("system:"))
        .map(|entry| format!("{entry} by {:?}", entry.impersonator))
        .collect();
    assert_eq!(
        told,
        [
            "jo create configmaps default 403 by \"kubernetes-admin\"",
            "kubernetes-admin create configmaps default (dry-run) 201 by \"\"",
            "kubernetes-admin get configmaps default/map 404 by \"\"",
        ]
    );
    server.stop();
}
