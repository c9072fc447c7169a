//! How much one client may cost. Every limit of the engine is set here, none is left to its default.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::Quota;
use socketioxide::{ParserConfig, SocketIo, SocketIoBuilder};

use super::query::PATH;

/// How much one client may send, be sent and hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayLimits {
    /// Bytes of one polling request's or answer's body. Clients are told, and split what they send.
    pub max_payload: usize,
    /// Bytes of one WebSocket message, and of all binary attachments of one event.
    pub ws_max_message: usize,
    /// Bytes of one WebSocket frame.
    pub ws_max_frame: usize,
    /// Bytes read from a WebSocket at a time: memory of every socket, and how much of a burst is handled in one go.
    pub ws_read_buffer: usize,
    /// Packets that wait for a client before it counts as too slow and is cut. A polling client sends all that it
    /// has in one body: there must be room for the answers to a thousand events, with a broadcast for each.
    pub max_buffered_packets: usize,
    /// Binary attachments of one event.
    pub max_attachments: usize,
    /// Time between pings.
    pub ping_interval: Duration,
    /// How long a client may take to answer one.
    pub ping_timeout: Duration,
    /// How long a client may be connected without joining a namespace.
    pub connect_timeout: Duration,
    /// How long the change from polling to WebSocket may take.
    pub upgrade_timeout: Duration,
    /// Events that a client may send in a second, over some time; four seconds' worth of them at once.
    pub events_per_second: u32,
    /// Upgraded connections at a time, and as many polling sessions.
    pub max_connections: usize,
}

impl Default for GatewayLimits {
    fn default() -> Self {
        Self {
            max_payload: 100_000,
            ws_max_message: 1 << 20,
            ws_max_frame: 1 << 20,
            ws_read_buffer: 2048,
            max_buffered_packets: 2048,
            max_attachments: 16,
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            connect_timeout: Duration::from_secs(45),
            upgrade_timeout: Duration::from_secs(10),
            events_per_second: 500,
            max_connections: 10_000,
        }
    }
}

impl GatewayLimits {
    /// How fast the events of one client may come.
    pub(super) fn pace(&self) -> Quota {
        let second = NonZeroU32::new(self.events_per_second).unwrap_or(NonZeroU32::MIN);
        let burst = second.saturating_mul(NonZeroU32::MIN.saturating_add(3));
        Quota::per_second(second).allow_burst(burst)
    }

    pub(super) fn builder(&self) -> SocketIoBuilder {
        let parser = ParserConfig::common()
            .max_incoming_binaries(self.max_attachments)
            .max_incoming_binary_buf_size(self.ws_max_message)
            .packet_completion_timeout(self.ping_interval);
        SocketIo::builder()
            .req_path(PATH)
            .max_payload(self.max_payload as u64)
            .ws_max_message_size(self.ws_max_message)
            .ws_max_frame_size(self.ws_max_frame)
            .ws_read_buffer_size(self.ws_read_buffer)
            .max_buffer_size(self.max_buffered_packets)
            .ping_interval(self.ping_interval)
            .ping_timeout(self.ping_timeout)
            .connect_timeout(self.connect_timeout)
            .upgrade_timeout(self.upgrade_timeout)
            .with_parser(parser)
    }
}
