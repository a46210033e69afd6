//! The table of `services status`.

use super::node::Node;
use super::service::{Context, Service};
use crate::failure::Outcome;

/// One server of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    name: String,
    state: &'static str,
    pid: String,
    port: String,
    version: String,
}

pub(super) fn print(context: &Context<'_>) -> Outcome {
    let mut rows = Vec::new();
    for service in Service::ALL {
        for name in service.nodes() {
            let node = Node::find(context.place, name)?;
            rows.push(row(context, *service, name, node.as_ref()));
        }
    }
    println!("{}", table(&rows));
    Ok(())
}

fn row(context: &Context<'_>, service: Service, name: &str, node: Option<&Node>) -> Row {
    let nothing = || "-".to_owned();
    let mut row = Row {
        name: name.to_owned(),
        state: "down",
        pid: nothing(),
        port: nothing(),
        version: nothing(),
    };
    let Some(node) = node else {
        return row;
    };
    row.pid = node.pid.to_string();
    row.port = node.port.to_string();
    let version = service.version(context, node);
    row.state = match &version {
        _ if !node.is_alive() => "dead",
        Some(_) => "up",
        None => "silent",
    };
    row.version = version.unwrap_or_else(nothing);
    row
}

fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(4);
    let line = |name: &str, state: &str, pid: &str, port: &str, version: &str| {
        format!("{name:width$}  {state:6}  {pid:>8}  {port:>5}  {version}")
    };
    let mut table = line("name", "state", "pid", "port", "version");
    for row in rows {
        table.push('\n');
        table.push_str(&line(
            &row.name,
            row.state,
            &row.pid,
            &row.port,
            &row.version,
        ));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_stand_under_their_heads() {
        let row = Row {
            name: "sentinel-primary".to_owned(),
            state: "up",
            pid: "4711".to_owned(),
            port: "12000".to_owned(),
            version: "redis 7.0.15".to_owned(),
        };
        let table = table(&[row]);
        let (head, line) = table.split_once('\n').unwrap();
        for (title, value) in [("state", "up"), ("version", "redis 7.0.15")] {
            assert_eq!(head.find(title), line.find(value), "{table}");
        }
    }
}
