//! Addresses and ports of Services, given when a Service is written: one IPv4 range, as a single-stack cluster has.

use std::collections::HashSet;
use std::net::Ipv4Addr;

use krm::{Value, json};
use schema::FieldError;

use super::carry_over::{keep, needs_health_port, needs_ports, normalize};
use crate::Server;
use crate::status::{ApiError, GroupResource};

/// The first address of the range, a /16. Its first 256 are left to those who ask for one of them.
const FIRST: u32 = u32::from_be_bytes([10, 0, 0, 0]);
const ADDRESSES: u32 = 1 << 16;
const RESERVED: u32 = 256;

const PORTS: std::ops::Range<i64> = 30000..32768;

/// Gives a Service the addresses and ports that it needs and does not have, keeping those it had.
///
/// # Errors
/// What it asks for is taken, or cannot be had here.
pub(crate) fn settle(
    server: &Server,
    service: &mut Value,
    old: Option<&Value>,
) -> Result<(), ApiError> {
    let before = old.map(|old| &old["spec"]);
    normalize(&mut service["spec"], before);
    if let Some(before) = before {
        keep(&mut service["spec"], before);
    }
    if service["spec"]["type"] == "ExternalName" {
        return Ok(());
    }
    let uid = old.and_then(|old| old["metadata"]["uid"].as_str());
    give(server, &mut service["spec"], before, uid).map_err(|error| {
        let name = service["metadata"]["name"].as_str().unwrap_or_default();
        ApiError::invalid(&GroupResource::new("", "Service"), name, &[error])
    })
}

fn give(
    server: &Server,
    spec: &mut Value,
    before: Option<&Value>,
    uid: Option<&str>,
) -> Result<(), FieldError> {
    families(spec, before)?;
    let taken = Taken::read(server, uid.unwrap_or_default());
    if spec["clusterIPs"][0] != "None" {
        address(server, spec, before, &taken)?;
    }
    ports(server, spec, &taken)
}

/// Says which address families the Service has: IPv4, and for one without addresses and selector whatever its endpoints have.
fn families(spec: &mut Value, before: Option<&Value>) -> Result<(), FieldError> {
    let headless = spec["clusterIP"] == "None";
    let bare = headless && spec["selector"].as_object().is_none_or(krm::Map::is_empty);
    if spec["ipFamilyPolicy"].is_null() {
        let before = before.map(|before| &before["ipFamilyPolicy"]);
        spec["ipFamilyPolicy"] = match before.filter(|before| !before.is_null()) {
            Some(before) => before.clone(),
            None if bare => "RequireDualStack".into(),
            None => "SingleStack".into(),
        };
    }
    let named = spec["ipFamilies"].as_array().map_or(0, Vec::len);
    let single = spec["ipFamilyPolicy"] == "SingleStack";
    if bare {
        let first = spec["ipFamilies"][0].as_str().unwrap_or("IPv4").to_owned();
        let other = if first == "IPv4" { "IPv6" } else { "IPv4" };
        spec["ipFamilies"] = match (named, single) {
            (2, _) => return Ok(()),
            (_, true) => json!([first]),
            (_, false) => json!([first, other]),
        };
        return Ok(());
    }
    let policy =
        |detail: &str| FieldError::invalid("spec.ipFamilyPolicy", &spec["ipFamilyPolicy"], detail);
    if single && named > 1 {
        return Err(policy(
            "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified",
        ));
    }
    if spec["ipFamilyPolicy"] == "RequireDualStack" {
        return Err(policy(
            "this cluster is not configured for dual-stack services",
        ));
    }
    for (nth, family) in spec["ipFamilies"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        if family != "IPv4" {
            let path = format!("spec.ipFamilies[{nth}]");
            return Err(FieldError::invalid(
                path,
                family,
                "not configured on this cluster",
            ));
        }
    }
    if named == 0 {
        spec["ipFamilies"] = json!(["IPv4"]);
    }
    Ok(())
}

fn address(
    server: &Server,
    spec: &mut Value,
    before: Option<&Value>,
    taken: &Taken,
) -> Result<(), FieldError> {
    let asked = spec["clusterIPs"][0]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    if asked.is_empty() {
        let Some(free) = taken.free_address(server) else {
            let detail = "failed to allocate IP: range is full";
            return Err(FieldError::invalid(
                "spec.clusterIPs",
                &spec["clusterIPs"],
                detail,
            ));
        };
        spec["clusterIP"] = free.to_string().into();
        spec["clusterIPs"] = json!([free.to_string()]);
        return Ok(());
    }
    if before.is_some_and(|before| before["clusterIP"] == asked.as_str()) {
        return Ok(());
    }
    // Validation speaks of what is no address.
    let Ok(ip) = asked.parse::<Ipv4Addr>() else {
        return Ok(());
    };
    let within = (1..ADDRESSES - 1).contains(&u32::from(ip).wrapping_sub(FIRST));
    let why = if !within {
        "provided IP is not in the valid range. The range of valid IPs is 10.0.0.0/16"
    } else if taken.addresses.contains(&asked) {
        "provided IP is already allocated"
    } else {
        return Ok(());
    };
    let detail = format!("failed to allocate IP {asked}: {why}");
    Err(FieldError::invalid(
        "spec.clusterIPs",
        &spec["clusterIPs"],
        &detail,
    ))
}

/// Gives every port that needs one a node's port; ports with the same number share one.
fn ports(server: &Server, spec: &mut Value, taken: &Taken) -> Result<(), FieldError> {
    let mut used = taken.ports.clone();
    if matches!(spec["type"].as_str(), Some("NodePort" | "LoadBalancer")) {
        let gives = needs_ports(spec);
        let mut given: Vec<(i64, i64)> = Vec::new();
        for (nth, port) in spec["ports"]
            .as_array_mut()
            .into_iter()
            .flatten()
            .enumerate()
        {
            let number = port["port"].as_i64().unwrap_or_default();
            let asked = port["nodePort"].as_i64().unwrap_or_default();
            let shared = given
                .iter()
                .find(|(port, _)| *port == number)
                .map(|(_, node)| *node);
            let node = match (asked, shared) {
                (0, _) if !gives => continue,
                (0, Some(shared)) => shared,
                (0, None) => free_port(server, &used),
                (asked, shared) => {
                    if shared != Some(asked) {
                        check_port(asked, &used).map_err(|detail| {
                            let path = format!("spec.ports[{nth}].nodePort");
                            FieldError::invalid(path, &asked.into(), detail)
                        })?;
                    }
                    asked
                }
            };
            used.insert(node);
            given.push((number, node));
            port["nodePort"] = node.into();
        }
    }
    if needs_health_port(spec) && spec["healthCheckNodePort"].as_i64().unwrap_or_default() == 0 {
        spec["healthCheckNodePort"] = free_port(server, &used).into();
    }
    Ok(())
}

fn check_port(asked: i64, used: &HashSet<i64>) -> Result<(), &'static str> {
    if used.contains(&asked) {
        Err("provided port is already allocated")
    } else if PORTS.contains(&asked) {
        Ok(())
    } else {
        Err("provided port is not in the valid range. The range of valid ports is 30000-32767")
    }
}

fn free_port(server: &Server, used: &HashSet<i64>) -> i64 {
    let count = PORTS.end - PORTS.start;
    let start = pick(server, u32::try_from(count).unwrap_or(1));
    let mut candidates = (0..count).map(|step| PORTS.start + (i64::from(start) + step) % count);
    candidates
        .find(|port| !used.contains(port))
        .unwrap_or(PORTS.start)
}

/// A number below `count`, from the server's seed.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a fraction is at least 0 and below 1"
)]
fn pick(server: &Server, count: u32) -> u32 {
    let picked = (server.seed().fraction() * f64::from(count)) as u32;
    picked.min(count - 1)
}

/// What other Services have.
struct Taken {
    addresses: HashSet<String>,
    ports: HashSet<i64>,
}

impl Taken {
    /// What all Services but the one with the uid `own` have.
    fn read(server: &Server, own: &str) -> Self {
        let of = GroupResource::new("", "services");
        let state = server.store().state();
        let (mut addresses, mut ports) = (HashSet::new(), HashSet::new());
        for stored in state.all(&of).filter(|stored| stored.header().uid != own) {
            let service = stored.value();
            let spec = &service["spec"];
            let list = spec["clusterIPs"].as_array().into_iter().flatten();
            addresses.extend(list.filter_map(|ip| ip.as_str().map(str::to_owned)));
            let nodes = spec["ports"].as_array().into_iter().flatten();
            ports.extend(nodes.filter_map(|port| port["nodePort"].as_i64()));
            ports.extend(spec["healthCheckNodePort"].as_i64());
        }
        Self { addresses, ports }
    }

    fn free_address(&self, server: &Server) -> Option<Ipv4Addr> {
        let count = ADDRESSES - RESERVED - 1;
        let start = pick(server, count);
        let upper = (0..count).map(|step| RESERVED + (start + step) % count);
        let mut addresses = upper
            .chain(1..RESERVED)
            .map(|offset| Ipv4Addr::from(FIRST + offset));
        addresses.find(|address| !self.addresses.contains(&address.to_string()))
    }
}
