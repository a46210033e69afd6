//! The way of a message through the store.

use std::time::Duration;

use glmsg_broker::{
    Backend, DeadLetterQuery, DeadLetterSelector, Nack, Ordering, Published, ReplayQuery, Requeue,
    Settled, Settler, Source, StartFrom,
};
use glmsg_core::{DeadLetterReason, Message, Original, Priority};

use crate::store::{
    GROUP, Place, TOPIC, ack, group, message, messages, number, numbers, options, publish, receive,
    topic,
};

#[tokio::test]
async fn messages_come_in_order_and_once() {
    let place = Place::new();
    let broker = place.open().await;
    publish(&broker, &messages(250)).await;
    let mut source = broker.subscribe(&options()).await.unwrap();
    let received = receive(&mut source, 250).await;
    assert_eq!(numbers(&received), (0..250).collect::<Vec<_>>());
    ack(&source, &received).await;
    let tokens: Vec<_> = received.iter().map(|r| r.token).collect();
    let again = source.settler().ack(&tokens).await.unwrap();
    assert!(again.iter().all(|s| *s == Settled::Stale));
    let lag = broker.lag(&topic(), &group()).await.unwrap();
    assert_eq!((lag.total(), lag.oldest_age), (0, None));
    broker.close().await.unwrap();
}

#[tokio::test]
async fn a_message_is_stored_once() {
    let place = Place::new();
    let broker = place.open().await;
    let message = message(1);
    let outcomes = broker.publish(&[message.clone(), message.clone()]).await;
    assert!(matches!(
        outcomes.unwrap()[..],
        [Published::Stored, Published::Duplicate]
    ));
    drop(broker);
    let broker = place.open().await;
    let outcomes = broker.publish(&[message]).await.unwrap();
    assert!(matches!(outcomes[..], [Published::Duplicate]));
}

#[tokio::test]
async fn a_retry_waits_and_keeps_its_history() {
    let place = Place::new();
    let broker = place.open().await;
    let mut source = broker.subscribe(&options()).await.unwrap();
    let message = Message::builder(TOPIC)
        .payload("7")
        .max_retries(1)
        .build()
        .unwrap();
    publish(&broker, std::slice::from_ref(&message)).await;
    let first = receive(&mut source, 1).await.remove(0);
    let delay = Duration::from_secs(10);
    let nack = Nack::retry(first.token, delay, "no luck");
    let settled = source.settler().nack(&[nack]).await.unwrap();
    assert!(matches!(settled[..], [Settled::Retried(_)]));
    assert_eq!(broker.lag(&topic(), &group()).await.unwrap().delayed, 1);
    place.clock.advance(delay);
    let second = receive(&mut source, 1).await.remove(0);
    assert_eq!((second.attempt, second.history.len()), (2, 1));
    assert_eq!(&*second.history.attempts()[0].error, "no luck");
    let nack = Nack {
        requeue: Requeue::NOW,
        ..Nack::retry(second.token, delay, "again no luck")
    };
    let settled = source.settler().nack(&[nack]).await.unwrap();
    assert_eq!(
        settled,
        [Settled::DeadLettered(DeadLetterReason::MaxRetries)]
    );
    let query = DeadLetterQuery::new(topic(), group());
    let letters = broker.dead_letters(&query).await.unwrap().items;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].message(), Some(&message));
    assert_eq!((letters[0].attempts, letters[0].history.len()), (2, 2));
    assert_eq!(&*letters[0].detail, "again no luck");

    let which = DeadLetterSelector::All;
    assert_eq!(broker.redrive(&topic(), &group(), &which).await.unwrap(), 1);
    assert_eq!(broker.redrive(&topic(), &group(), &which).await.unwrap(), 0);
    let third = receive(&mut source, 1).await.remove(0);
    assert_eq!((third.attempt, third.history.len()), (1, 0));
    assert_ne!(third.token.fence(), second.token.fence());
    assert_eq!(third.message, message);
    ack(&source, &[third]).await;
}

#[tokio::test]
async fn a_lease_that_ran_out_counts() {
    let place = Place::new();
    let broker = place.open().await;
    let mut source = broker.subscribe(&options()).await.unwrap();
    publish(&broker, &messages(1)).await;
    let first = receive(&mut source, 1).await.remove(0);
    place.clock.advance(Duration::from_secs(31));
    let second = receive(&mut source, 1).await.remove(0);
    assert_eq!((second.attempt, second.history.len()), (2, 1));
    let settled = source.settler().ack(&[first.token]).await.unwrap();
    assert_eq!(settled, [Settled::Stale]);
    ack(&source, &[second]).await;
}

#[tokio::test]
async fn keys_wait_for_their_turn() {
    let place = Place::new();
    let broker = place.open().await;
    let options = options().ordering(Ordering::PerKey);
    let mut source = broker.subscribe(&options).await.unwrap();
    let keyed = |n: u32, key: &str| {
        Message::builder(TOPIC)
            .payload(n.to_string())
            .key(key)
            .build()
            .unwrap()
    };
    let all = [keyed(0, "a"), keyed(1, "a"), keyed(2, "b"), keyed(3, "a")];
    publish(&broker, &all).await;
    let first = receive(&mut source, 2).await;
    assert_eq!(numbers(&first), [0, 2]);
    let lag = broker.lag(&topic(), &group()).await.unwrap();
    assert_eq!((lag.undelivered, lag.in_flight, lag.delayed), (0, 2, 2));
    let retry = Nack::retry(first[0].token, Duration::from_secs(5), "later");
    source.settler().nack(&[retry]).await.unwrap();
    place.clock.advance(Duration::from_secs(5));
    let again = receive(&mut source, 1).await;
    assert_eq!(numbers(&again), [0]);
    ack(&source, &again).await;
    let next = receive(&mut source, 1).await;
    assert_eq!(numbers(&next), [1]);
    ack(&source, &next).await;
    assert_eq!(numbers(&receive(&mut source, 1).await), [3]);
}

#[tokio::test]
async fn a_scheduled_message_survives_and_comes_when_due() {
    let place = Place::new();
    let broker = place.open().await;
    broker.subscribe(&options()).await.unwrap();
    let later = Message::builder(TOPIC)
        .payload("1")
        .delay(Duration::from_secs(60))
        .priority(Priority::High)
        .build()
        .unwrap();
    publish(&broker, &[later, message(2)]).await;
    assert_eq!(broker.topics().await.unwrap()[0].scheduled, 1);
    broker.close().await.unwrap();
    let broker = place.open().await;
    let mut source = broker.subscribe(&options()).await.unwrap();
    assert_eq!(numbers(&receive(&mut source, 1).await), [2]);
    place.clock.advance(Duration::from_secs(60));
    let info = broker.topics().await.unwrap();
    assert_eq!((info[0].scheduled, info[0].messages), (0, 2));
    assert_eq!(numbers(&receive(&mut source, 1).await), [1]);
}

#[tokio::test]
async fn replay_merges_the_lanes_and_goes_on_from_any_place() {
    let place = Place::new();
    let broker = place.open().await;
    let mut all = Vec::new();
    for n in 0..100_u32 {
        let priority = Priority::ALL[(n * 7 % 4) as usize];
        let message = Message::builder(TOPIC)
            .payload(n.to_string())
            .priority(priority);
        all.push(message.build().unwrap());
        publish(&broker, &all[n as usize..]).await;
        place.clock.advance(Duration::from_secs(1));
    }
    let read = async |from: StartFrom, limit: usize| {
        let query = ReplayQuery::new(topic(), from).limit(limit);
        broker.replay(&query).await.unwrap()
    };
    let number = |stored: &glmsg_broker::Stored| number(stored.message.as_ref().unwrap());
    let whole = read(StartFrom::Earliest, 1000).await;
    assert_eq!(
        whole.iter().map(number).collect::<Vec<_>>(),
        (0..100).collect::<Vec<_>>()
    );
    for n in [0_usize, 1, 42, 98] {
        let after = read(StartFrom::After(whole[n].position.clone()), 1).await;
        assert_eq!(number(&after[0]) as usize, n + 1);
        let at = read(StartFrom::Time(whole[n].stored_at), 1).await;
        assert_eq!(number(&at[0]) as usize, n);
        let id = read(StartFrom::Message(all[n].id()), 1).await;
        assert_eq!(number(&id[0]) as usize, n);
    }
    let last = whole[99].position.clone();
    assert!(read(StartFrom::After(last), 10).await.is_empty());
    assert!(read(StartFrom::Latest, 10).await.is_empty());
}

#[tokio::test]
async fn garbage_in_the_table_becomes_a_dead_letter() {
    let place = Place::new();
    let broker = place.open().await;
    let mut source = broker.subscribe(&options()).await.unwrap();
    publish(&broker, &messages(3)).await;
    {
        let sql = place.sql();
        sql.execute("UPDATE message SET body = x'DEADBEEF' WHERE ord = 2", [])
            .unwrap();
        // A row of somebody who thinks he knows how: behind the last, and of odd types.
        sql.execute(
            "INSERT INTO message (seq, topic, id, at, ord, expires, key, max_attempts, body) \
             SELECT seq + 1, topic, 'odd', at, ord + 1, 'never', 17, 'many', 4711 FROM message \
             WHERE ord = 3",
            [],
        )
        .unwrap();
    }
    let (mut received, mut dead) = (Vec::new(), 0);
    while received.len() < 2 || dead < 2 {
        dead += source.recv(&mut received, 10).await.unwrap().dead_lettered;
    }
    assert_eq!(numbers(&received), [0, 2]);
    let query = DeadLetterQuery::new(topic(), group());
    let letters = broker.dead_letters(&query).await.unwrap().items;
    assert_eq!(letters.len(), 2);
    assert_eq!(letters[0].reason, DeadLetterReason::Undecodable);
    assert_eq!(letters[0].attempts, 0);
    assert_eq!(
        letters[0].original,
        Original::Bytes(vec![0xDE, 0xAD, 0xBE, 0xEF].into())
    );
    let all = DeadLetterSelector::All;
    assert_eq!(broker.redrive(&topic(), &group(), &all).await.unwrap(), 0);
    assert_eq!(broker.purge(&topic(), &group(), &all).await.unwrap(), 2);
    publish(&broker, &[message(9)]).await;
    assert_eq!(numbers(&receive(&mut source, 1).await), [9]);
}

#[tokio::test]
async fn members_come_and_go() {
    let place = Place::new();
    let broker = place.open().await;
    let mut source = broker.subscribe(&options()).await.unwrap();
    publish(&broker, &messages(5)).await;
    receive(&mut source, 3).await;
    let members = broker.members(&topic(), &group()).await.unwrap();
    assert_eq!((members.len(), members[0].pending), (1, 3));
    assert_eq!(broker.groups(&topic()).await.unwrap()[0].members, 1);
    drop(source);
    // Behind the source's leaving in the writer's queue.
    publish(&broker, &[message(6)]).await;
    assert_eq!(broker.groups(&topic()).await.unwrap()[0].members, 0);
    assert_eq!(
        broker.groups(&topic()).await.unwrap()[0].name.as_str(),
        GROUP
    );
}

#[tokio::test]
async fn many_dead_letters_are_redriven_once() {
    const ALL: u32 = 1200;
    let place = Place::new();
    let broker = place.open().await;
    let mut source = broker.subscribe(&options()).await.unwrap();
    publish(&broker, &messages(ALL)).await;
    let received = receive(&mut source, ALL as usize).await;
    let rejects: Vec<_> = received
        .iter()
        .map(|r| Nack::reject(r.token, DeadLetterReason::Rejected, "no"))
        .collect();
    source.settler().nack(&rejects).await.unwrap();
    place
        .sql()
        .execute("UPDATE dead SET body = x'00' WHERE n = 700", [])
        .unwrap();
    let some = DeadLetterSelector::Ids(received.iter().take(3).map(|r| r.message.id()).collect());
    assert_eq!(broker.purge(&topic(), &group(), &some).await.unwrap(), 3);
    let rejected = DeadLetterSelector::Reason(DeadLetterReason::Rejected);
    let redriven = broker.redrive(&topic(), &group(), &rejected).await.unwrap();
    assert_eq!(redriven, u64::from(ALL) - 4);
    let again = numbers(&receive(&mut source, ALL as usize - 4).await);
    let expected: Vec<_> = (3..ALL).filter(|n| *n != 699).collect();
    assert_eq!(again, expected);
    let lag = broker.lag(&topic(), &group()).await.unwrap();
    assert_eq!((lag.dead_letters, lag.in_flight), (1, u64::from(ALL) - 4));
}
