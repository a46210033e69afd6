//! `users.acl` against the page that says what each user may do.

use std::collections::BTreeSet;

use crate::kit;

/// The rules of each `ACL SETUSER` of a piece of the page, with the name of the user.
fn rules(block: &str) -> (String, Vec<String>) {
    let line = block.replace("\\\n", " ").replace('\'', "");
    let (_, rules) = line.split_once("ACL SETUSER ").expect("a user");
    let rules = rules
        .replace("NAMESPACE", "glmsg")
        .replace("GROUP", "workers");
    let mut words = rules.split_whitespace().map(str::to_owned);
    let name = words.next().expect("a name");
    let no_rule = ["reset", "on", ">PASSWORD", "done"];
    (
        name,
        words.filter(|w| !no_rule.contains(&w.as_str())).collect(),
    )
}

#[test]
fn the_users_have_the_rights_that_the_redis_page_gives_them() {
    let page = kit::text("docs/backends/redis.md");
    let (_, section) = page
        .split_once("\n## Users and rights\n")
        .expect("its section");
    let section = section.split("\n## ").next().expect("an end");
    let blocks: Vec<_> = section.split("```sh\n").skip(1).collect();
    let blocks: Vec<_> = blocks
        .iter()
        .filter_map(|b| b.split("\n```").next())
        .collect();
    let (_, base) = rules(blocks[0]);
    let file = kit::text("deploy/redis/users.acl");
    for at in [1, 2, 4, 5] {
        let (name, own) = rules(blocks[at]);
        let start = format!("user {name} on <password> ");
        let found = file.lines().find_map(|line| line.strip_prefix(&start));
        let found = found.unwrap_or_else(|| panic!("users.acl has no {name}"));
        let found: BTreeSet<_> = found.split_whitespace().collect();
        let wanted: BTreeSet<_> = base.iter().chain(&own).flat_map(|w| w.split(' ')).collect();
        assert_eq!(found, wanted, "{name}");
    }
}
