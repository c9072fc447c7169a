//! How a reader of an AI stream is spoken to (contract §14, "AI streams"): Server-Sent Events, in one of three ways.
//! Pure: there is no socket and no clock, only frames that become bytes.
//!
//! | file | what |
//! |---|---|
//! | `block` | One event on the wire |
//! | `plain` | Frames as they are |
//! | `ui` | The AI SDK's UI message stream, version 1 |
//! | `openai` | OpenAI's `chat.completion.chunk` |
//!
//! # Resuming
//!
//! A reader that was cut off comes again with `Last-Event-ID: N`. A new speaker looks at the frames 1 to N with
//! [`skip`](Speaker::skip), says nothing, and then speaks what follows just as it would have been spoken without the
//! cut. To keep that true, only `skip` changes a speaker; [`speak`](Speaker::speak) says, and then skips.
//!
//! One frame may become several events. Only the last of them carries the `id:` line, with the frame's number: a
//! reader's last id stays as it was until it has the whole frame, so a cut in the middle repeats that frame's events
//! rather than losing any. (WHATWG HTML, "Interpreting an event stream": an event without `id` leaves the last event id buffer alone, and an
//! event whose blank line did not come is thrown away.) Who cannot bear a repeated event, as `useChat` cannot bear a
//! second `text-end`, puts events aside until the last id changes, and after a cut throws away what lies there. A frame
//! about which a way has nothing to say is no event; its number is then missing from the ids, and who comes again from
//! before it misses nothing.

mod block;
mod openai;
mod plain;
#[cfg(test)]
mod testing;
mod ui;

use appengine_actors::session::stream::frame::Frame;

use openai::OpenAi;
use ui::Ui;

/// A way of speaking, by `?format=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Frames as they are.
    Plain,
    /// The AI SDK's UI message stream, version 1.
    Ui,
    /// OpenAI's `chat.completion.chunk`.
    OpenAi,
}

impl Way {
    /// The way that has this name; none asks for frames as they are.
    #[must_use]
    pub fn named(format: Option<&str>) -> Option<Self> {
        Some(match format {
            None | Some("" | "plain" | "appengine") => Self::Plain,
            Some("ui") => Self::Ui,
            Some("openai") => Self::OpenAi,
            Some(_) => return None,
        })
    }
}

/// Speaks to one reader of one stream.
#[derive(Debug)]
pub struct Speaker(Voice);

#[derive(Debug)]
enum Voice {
    Plain,
    Ui(Ui),
    OpenAi(OpenAi),
}

impl Speaker {
    /// One that has said nothing yet. `created` is when the stream began, in unix seconds: a reader that comes again is
    /// told the same.
    #[must_use]
    pub fn new(way: Way, created: u64) -> Self {
        Self(match way {
            Way::Plain => Voice::Plain,
            Way::Ui => Voice::Ui(Ui::default()),
            Way::OpenAi => Voice::OpenAi(OpenAi::new(created)),
        })
    }

    /// Takes note of a frame that the reader has already.
    pub fn skip(&mut self, frame: &Frame) {
        match &mut self.0 {
            Voice::Plain => {}
            Voice::Ui(ui) => ui.skip(frame),
            Voice::OpenAi(openai) => openai.skip(frame),
        }
    }

    /// Says a frame: the events that it becomes, which may be none.
    pub fn speak(&mut self, frame: &Frame, into: &mut Vec<u8>) {
        match &self.0 {
            Voice::Plain => plain::say(frame, into),
            Voice::Ui(ui) => ui.say(frame, into),
            Voice::OpenAi(openai) => openai.say(frame, into),
        }
        self.skip(frame);
    }

    /// Says that the last frame was said. Not for a reader that is cut off before it: to that one, the stream is not
    /// over.
    pub fn done(&mut self, into: &mut Vec<u8>) {
        match self.0 {
            Voice::Plain => {}
            Voice::Ui(_) | Voice::OpenAi(_) => into.extend_from_slice(b"data: [DONE]\n\n"),
        }
    }

    /// The headers of the answer, apart from those that every answer has.
    #[must_use]
    pub const fn headers(way: Way) -> &'static [(&'static str, &'static str)] {
        const TYPE: (&str, &str) = ("content-type", "text/event-stream");
        // Neither kept by anybody nor compressed on its way, which would hold words back.
        const CACHE: (&str, &str) = ("cache-control", "no-store, no-transform");
        // nginx would else keep events until it has enough of them.
        const NGINX: (&str, &str) = ("x-accel-buffering", "no");
        match way {
            Way::Plain | Way::OpenAi => &[TYPE, CACHE, NGINX],
            Way::Ui => &[TYPE, CACHE, NGINX, ("x-vercel-ai-ui-message-stream", "v1")],
        }
    }

    /// Says something that readers do not hear, so that whatever is between knows that the connection lives.
    ///
    /// No blank line comes after it: once there was an id, OpenAI's Python library (3.57) takes one for the end of an
    /// event, finds no JSON in it and gives up.
    pub fn comment(text: &str, into: &mut Vec<u8>) {
        for line in text.split(['\n', '\r']) {
            into.extend_from_slice(b": ");
            into.extend_from_slice(line.as_bytes());
            into.push(b'\n');
        }
    }

    /// The first thing that is said to a reader which comes again with a last id: that id, for the event that comes
    /// next unless it has its own.
    ///
    /// By the letter of WHATWG HTML, "Interpreting an event stream" the buffer of the last id starts empty on every connection, and the first
    /// event without an id would make the reader forget its place. Browsers keep it, which is what this asks of all.
    pub fn after(number: u64, into: &mut Vec<u8>) {
        block::id(into, number);
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{Random, WAYS, blocks, frames, rich, spoken};
    use super::*;

    #[test]
    fn ways_have_names() {
        let table = [
            (None, Some(Way::Plain)),
            (Some(""), Some(Way::Plain)),
            (Some("plain"), Some(Way::Plain)),
            (Some("appengine"), Some(Way::Plain)),
            (Some("ui"), Some(Way::Ui)),
            (Some("openai"), Some(Way::OpenAi)),
            (Some("UI"), None),
            (Some("xml"), None),
        ];
        for (name, way) in table {
            assert_eq!(Way::named(name), way, "{name:?}");
        }
    }

    #[test]
    fn only_the_ui_way_names_its_protocol() {
        for way in WAYS {
            let headers = Speaker::headers(way);
            assert!(headers.contains(&("content-type", "text/event-stream")));
            let named = headers.contains(&("x-vercel-ai-ui-message-stream", "v1"));
            assert_eq!(named, way == Way::Ui, "{way:?}");
        }
    }

    #[test]
    fn comments_are_lines_of_their_own() {
        let mut into = Vec::new();
        Speaker::comment("still here", &mut into);
        Speaker::comment("two\r\nlines: no data", &mut into);
        assert_eq!(into, b": still here\n: two\n: \n: lines: no data\n");
    }

    #[test]
    fn who_comes_again_is_told_its_place() {
        let mut into = Vec::new();
        Speaker::after(6, &mut into);
        into.extend_from_slice(b"data: {}\n\nid: 7\ndata: {}\n\n");
        let ids: Vec<_> = blocks(&into).into_iter().map(|block| block.id).collect();
        assert_eq!(ids, [Some(6), Some(7)]);
    }

    /// Whether a reader that comes again after each frame gets just what it would have got.
    fn is_resumed_everywhere(frames: &[Frame]) {
        for way in WAYS {
            let (whole, ends) = spoken(way, frames);
            for (seen, end) in ends.iter().enumerate() {
                let mut speaker = Speaker::new(way, 7);
                let mut tail = Vec::new();
                frames[..seen].iter().for_each(|frame| speaker.skip(frame));
                frames[seen..].iter().for_each(|frame| speaker.speak(frame, &mut tail));
                speaker.done(&mut tail);
                let (tail, wanted) =
                    (String::from_utf8_lossy(&tail), String::from_utf8_lossy(&whole[*end..]));
                assert_eq!(tail, wanted, "{way:?} after {seen} of {frames:?}");
            }
        }
    }

    /// Whether each frame becomes events of which the last alone has its number, and nothing else is on the wire.
    fn is_well_formed(frames: &[Frame]) {
        for way in WAYS {
            let (whole, ends) = spoken(way, frames);
            for (frame, pair) in frames.iter().zip(ends.windows(2)) {
                let ids: Vec<_> =
                    blocks(&whole[pair[0]..pair[1]]).into_iter().map(|block| block.id).collect();
                if let Some((last, others)) = ids.split_last() {
                    assert_eq!(*last, Some(frame.number), "{way:?}");
                    assert!(others.iter().all(Option::is_none), "{way:?}");
                }
            }
        }
    }

    #[test]
    fn a_stream_is_resumed_anywhere() {
        is_resumed_everywhere(&rich());
        is_well_formed(&rich());
    }

    /// A reader that puts events aside until its last id changes, and is cut off after any byte.
    #[test]
    fn no_cut_loses_or_repeats_anything() {
        let frames = rich();
        for way in WAYS {
            let (whole, _) = spoken(way, &frames);
            for cut in 0..whole.len() {
                let end = whole[..cut].windows(2).rposition(|pair| pair == b"\n\n").map_or(0, |at| at + 2);
                let mut read = blocks(&whole[..end]);
                read.truncate(read.iter().rposition(|block| block.id.is_some()).map_or(0, |at| at + 1));
                let last = read.last().and_then(|block| block.id).unwrap_or_default();
                let mut speaker = Speaker::new(way, 7);
                let mut tail = Vec::new();
                for frame in &frames {
                    if frame.number <= last { speaker.skip(frame) } else { speaker.speak(frame, &mut tail) }
                }
                speaker.done(&mut tail);
                read.extend(blocks(&tail));
                assert_eq!(read, blocks(&whole), "{way:?} cut after {cut}");
            }
        }
    }

    #[test]
    fn anything_in_any_order_is_spoken_and_resumed() {
        let mut random = Random(0x2545_F491_4F6C_DD1D);
        for _ in 0..500 {
            let frames = frames((0..random.below(24)).map(|_| random.said()).collect());
            is_resumed_everywhere(&frames);
            is_well_formed(&frames);
        }
    }
}
