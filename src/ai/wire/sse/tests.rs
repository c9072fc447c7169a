use super::*;
use crate::ai::wire::testing::Chance;

fn event(name: &str, data: &str, id: Option<&str>) -> Event {
    Event { name: name.to_owned(), data: data.to_owned(), id: id.map(str::to_owned) }
}

fn read<'c>(chunks: impl IntoIterator<Item = &'c [u8]>) -> Vec<Event> {
    let mut parser = Parser::new();
    let mut events = Vec::new();
    for chunk in chunks {
        parser.push(chunk, &mut events).unwrap();
    }
    events
}

/// Reads line by line, as the standard says it, all of it at once.
fn plainly(bytes: &[u8]) -> Vec<Event> {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n").replace('\r', "\n");
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let Some((lines, _)) = text.rsplit_once('\n') else { return Vec::new() };
    let (mut name, mut data, mut id) = (String::new(), String::new(), String::new());
    let mut events = Vec::new();
    for line in lines.split('\n') {
        if line.is_empty() {
            if !data.is_empty() {
                data.pop();
                let id = Some(id.clone()).filter(|id| !id.is_empty());
                events.push(Event { name: name.clone(), data: data.clone(), id });
            }
            name.clear();
            data.clear();
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut name),
            "data" => data = data + value + "\n",
            "id" if !value.contains('\0') => value.clone_into(&mut id),
            _ => {}
        }
    }
    events
}

#[test]
fn streams_are_read_however_they_are_cut() {
    let table: &[(&[u8], Vec<Event>)] = &[
        (b"", vec![]),
        (b"data: a\n\n", vec![event("", "a", None)]),
        (
            b"data: a\r\rdata: b\r\n\r\ndata: c\n\r\n",
            vec![event("", "a", None), event("", "b", None), event("", "c", None)],
        ),
        (b"\xEF\xBB\xBFdata: a\n\n", vec![event("", "a", None)]),
        (b"\xEF\xBB\xBF\xEF\xBB\xBFdata: a\n\ndata: b\n\n", vec![event("", "b", None)]),
        (b"\n\xEF\xBB\xBFdata: a\n\n", vec![]),
        (b": comment\n\n:\n\ndata: a\n\n", vec![event("", "a", None)]),
        (b"event: x\ndata: a\ndata: b\n\n", vec![event("x", "a\nb", None)]),
        (b"event: x\n\ndata: a\n\n", vec![event("", "a", None)]),
        (b"data\n\ndata\ndata\n\ndata:\n", vec![event("", "", None), event("", "\n", None)]),
        (b"data:a\ndata: b\ndata:  c\n\n", vec![event("", "a\nb\n c", None)]),
        (
            b"id: 1\ndata: a\n\ndata: b\n\nid: a\0b\ndata: c\n\nid\ndata: d\n\n",
            vec![
                event("", "a", Some("1")),
                event("", "b", Some("1")),
                event("", "c", Some("1")),
                event("", "d", None),
            ],
        ),
        (b"retry: 5\nother: x\nDATA: no\n data: no\ndata : no\n\n", vec![]),
        ("data: grün 🦀 \u{2028}x\n\n".as_bytes(), vec![event("", "grün 🦀 \u{2028}x", None)]),
        (b"data: a\xFFb\xE2\x82\n\n", vec![event("", "a\u{FFFD}b\u{FFFD}", None)]),
        (b"event: a\nevent: b\ndata: {\"a\": 1}\n\n", vec![event("b", "{\"a\": 1}", None)]),
        (b"data: cut off\n", vec![]),
        (b"data: cut off\n\ndata: x", vec![event("", "cut off", None)]),
    ];
    for (stream, events) in table {
        let name = String::from_utf8_lossy(stream);
        assert_eq!(read([*stream]), *events, "{name:?}");
        assert_eq!(plainly(stream), *events, "{name:?}");
        for at in 0..=stream.len() {
            let (begin, end) = stream.split_at(at);
            assert_eq!(read([begin, &[], end]), *events, "{name:?} cut at {at}");
        }
        assert_eq!(read(stream.chunks(1)), *events, "{name:?} byte by byte");
    }
}

#[test]
fn streams_of_chance_are_read_as_the_standard_says() {
    let mut chance = Chance(7);
    let parts: &[&[u8]] = &[
        b"data",
        b"event",
        b"id",
        b":",
        b" ",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"a",
        "é".as_bytes(),
        b"\xFF",
        b"\0",
    ];
    for _ in 0..20_000 {
        let stream: Vec<u8> =
            (0..chance.below(40)).flat_map(|_| parts[chance.below(parts.len())].to_vec()).collect();
        let events = plainly(&stream);
        assert_eq!(
            read(stream.chunks(1 + chance.below(9))),
            events,
            "{:?}",
            String::from_utf8_lossy(&stream)
        );
    }
}

#[test]
fn an_event_without_an_end_is_an_error() {
    let endless: [&[u8]; 5] = [b"data: ", b": ", b"event: ", b"id: ", b""];
    for begin in endless {
        let mut parser = Parser::with_most(1000);
        let mut events = Vec::new();
        parser.push(b"data: a\n\n", &mut events).unwrap();
        parser.push(begin, &mut events).unwrap();
        let pushed = (0..200).try_for_each(|_| parser.push(b"0123456789", &mut events));
        assert_eq!(pushed, Err(TooLong(1000)));
        assert_eq!(events, [event("", "a", None)]);
        assert_eq!(
            parser.push(b"\n\ndata: b\n\n", &mut events),
            Err(TooLong(1000)),
            "nothing is read after it"
        );
    }
    let mut parser = Parser::with_most(1000);
    let mut events = Vec::new();
    let lines = (0..200).try_for_each(|_| parser.push(b"data: 0123456789\n", &mut events));
    assert_eq!(lines, Err(TooLong(1000)));
    assert_eq!(events, []);
    let at_once = format!("data: a\n\ndata: {}\n\n", "x".repeat(1000));
    assert!(Parser::with_most(1000).push(at_once.as_bytes(), &mut events).is_err());
    assert_eq!(events, [event("", "a", None)]);
    let error = ModelError::from(TooLong(5));
    assert_eq!((error.code, error.retryable), ("answer_too_large", false));
}

#[test]
fn many_events_and_long_comments_are_none_that_are_too_long() {
    let mut parser = Parser::with_most(1000);
    let mut events = Vec::new();
    for _ in 0..1000 {
        parser.push(b": a comment that is read and forgotten\ndata: 0123456789\n\n", &mut events).unwrap();
    }
    assert_eq!(events.len(), 1000);
    let whole = "x".repeat(MOST - 6);
    let mut parser = Parser::new();
    for part in format!("data: {whole}\n\n").as_bytes().chunks(1000) {
        parser.push(part, &mut events).unwrap();
    }
    assert_eq!(events.last().unwrap().data, whole);
}
