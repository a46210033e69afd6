//! Names, headers and media types: what is allowed.

use glmsg_core::{
    ContentType, ErrorKind, GroupName, Headers, MAX_NAME, MAX_SEGMENT, MemberName, Priority,
    TopicName, limits,
};

#[test]
fn names_that_are_allowed() {
    let longest = [&"x".repeat(64)[..]; 3].join(".");
    for name in [
        "a",
        "agent.tasks",
        "A-1_b.c",
        "gmail.inbox",
        "_x",
        "0",
        &longest,
    ] {
        assert_eq!(TopicName::new(name).unwrap().as_str(), name);
        assert_eq!(name.parse::<GroupName>().unwrap().to_string(), name);
        assert_eq!(
            MemberName::try_from(name.to_owned()).unwrap().as_ref(),
            name
        );
    }
}

#[test]
fn names_that_are_refused() {
    let long_segment = "x".repeat(MAX_SEGMENT + 1);
    let long = "x.".repeat(MAX_NAME / 2) + "x";
    let hostile = [
        "",
        ".",
        "..",
        "a..b",
        ".a",
        "a.",
        "../etc/passwd",
        "a/b",
        "a\\b",
        "a b",
        "a\0b",
        "a\nb",
        "a\r\nb",
        "x}{y",
        "a:b",
        "a*",
        "a?",
        "a%",
        "ü",
        "\u{202e}a",
        "gm.retry",
        "gm",
        "__x",
        &long_segment,
        &long,
    ];
    for name in hostile {
        let err = TopicName::new(name).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::InvalidArgument, "{name:?}");
        assert!(err.to_string().len() < 400, "{err}");
        assert!(!err.to_string().chars().any(char::is_control), "{err}");
        assert!(GroupName::new(name).is_err() && MemberName::new(name).is_err());
    }
}

#[test]
fn headers_are_sorted_unique_and_bounded() {
    let mut headers = Headers::new();
    for n in 0..limits::MAX_HEADERS {
        headers.insert(&format!("h{:02}", 63 - n), "v").unwrap();
    }
    assert!(headers.iter().map(|(n, _)| n).is_sorted());
    assert_eq!(
        headers.insert("more", "v").unwrap_err().kind(),
        ErrorKind::TooLarge
    );
    headers.insert("h00", "again").unwrap();
    assert_eq!((headers.len(), headers.get("h00")), (64, Some("again")));
    assert!(headers.remove("h00") && !headers.remove("h00"));
    assert_eq!(headers.get("H01"), None);
}

#[test]
fn header_names_and_values_are_checked() {
    let mut headers = Headers::new();
    for name in ["", "a b", "a\n", "ü"] {
        let err = headers.insert(name, "v").unwrap_err();
        assert_eq!(err.kind(), ErrorKind::InvalidArgument, "{name:?}");
    }
    for value in ["a\0", "a\r\nb", "\u{85}"] {
        let err = headers.insert("n", value).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::InvalidArgument, "{value:?}");
    }
    let long = "x".repeat(limits::MAX_HEADER_VALUE);
    headers.insert("n", &long).unwrap();
    assert_eq!(
        headers
            .insert("n", &(long.clone() + "x"))
            .unwrap_err()
            .kind(),
        ErrorKind::TooLarge
    );
    assert_eq!(
        headers.insert(&long[..129], "").unwrap_err().kind(),
        ErrorKind::TooLarge
    );
    headers.insert("empty", "").unwrap();
    assert!(!format!("{:?}", Headers::new()).contains("xxx"));
}

#[test]
fn media_types() {
    assert!(
        ContentType::new("application/vnd.x+json; v=1")
            .unwrap()
            .is_json()
    );
    assert!(ContentType::TEXT.is_text() && !ContentType::TEXT.is_json());
    assert_eq!(
        ContentType::new("application/json").unwrap(),
        ContentType::JSON
    );
    for text in ["", "json", "a/b\n", &("a/".to_owned() + &"b".repeat(127))] {
        assert_eq!(
            ContentType::new(text).unwrap_err().kind(),
            ErrorKind::InvalidArgument
        );
    }
}

#[test]
fn priorities() {
    for (n, priority) in (0..).zip(Priority::ALL) {
        assert_eq!(
            (priority.as_u8(), Priority::from_u8(n)),
            (n, Some(priority))
        );
        assert_eq!(
            priority
                .as_str()
                .to_uppercase()
                .parse::<Priority>()
                .unwrap(),
            priority
        );
    }
    assert_eq!(Priority::from_u8(4), None);
    assert!("urgent".parse::<Priority>().is_err());
    assert!(Priority::Low < Priority::Critical);
}
