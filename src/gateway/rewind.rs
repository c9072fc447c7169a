//! A stream with bytes put back in front of it and a [`Lease`] on its place.
//! It never looks into the bytes. The upgrade service makes one for every stream that it gives away.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connections::Lease;

/// Reads `early` before anything from the stream itself; frees the place when dropped.
pub(super) struct Rewind<S> {
    early: Bytes,
    stream: S,
    lease: Lease,
    /// The last read filled the reader's buffer: it owes the other tasks a turn.
    owes_turn: bool,
}

impl<S> Rewind<S> {
    /// Puts `early` in front of `stream`.
    #[must_use]
    pub fn new(early: Bytes, stream: S, lease: Lease) -> Self {
        Self { early, stream, lease, owes_turn: false }
    }

    fn read_early(&mut self, buf: &mut ReadBuf<'_>) {
        let n = self.early.len().min(buf.remaining());
        buf.put_slice(&self.early.split_to(n));
        if !self.early.has_remaining() {
            // An empty slice would keep the whole of the parser's buffer alive.
            self.early = Bytes::new();
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Rewind<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.lease.ended() {
            return Poll::Ready(Ok(()));
        }
        if self.early.has_remaining() {
            self.read_early(buf);
            return Poll::Ready(Ok(()));
        }
        if std::mem::take(&mut self.owes_turn) {
            // A burst is read, handled and answered a buffer at a time: without this turn the answers to
            // all of it pile up before the writer runs, and overflow the packet buffer of a healthy client.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let paused = self.lease.is_paused();
        if !paused {
            let read = Pin::new(&mut self.stream).poll_read(cx, buf);
            if read.is_ready() {
                self.owes_turn = buf.remaining() == 0;
                return read;
            }
        }
        self.lease.wake_reader(cx.waker());
        // Asked again: the end may have come between the first question and the registration.
        if self.lease.ended() {
            return Poll::Ready(Ok(()));
        }
        if paused && !self.lease.is_paused() {
            // So may the end of the pause.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl<S: AsyncWrite + Unpin> Rewind<S> {
    fn count(&self, written: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = written {
            self.lease.wrote(*bytes);
        }
    }

    /// Runs one write operation; fails it when the stream is cut, also while it waits.
    fn unless_cut<T>(
        &mut self,
        cx: &mut Context<'_>,
        operation: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let cut = || Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        if self.lease.is_cut() {
            return cut();
        }
        let outcome = operation(Pin::new(&mut self.stream), cx);
        if outcome.is_pending() {
            self.lease.wake_writer(cx.waker());
            if self.lease.is_cut() {
                return cut();
            }
        }
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rewind<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.unless_cut(cx, |stream, cx| stream.poll_write(cx, buf));
        self.count(&written);
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.unless_cut(cx, AsyncWrite::poll_flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.unless_cut(cx, AsyncWrite::poll_shutdown))?;
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.unless_cut(cx, |stream, cx| stream.poll_write_vectored(cx, bufs));
        self.count(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::connections::Connections;
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().expect("runtime").block_on(future)
    }

    fn lease(connections: &Connections) -> Lease {
        connections.admit_stream(None).expect("a place")
    }

    proptest! {
        #[test]
        fn early_bytes_come_first_and_nothing_is_lost(
            early in prop::collection::vec(any::<u8>(), 0..300),
            later in prop::collection::vec(any::<u8>(), 0..300),
            chunk in 1_usize..64,
        ) {
            let connections = Connections::new(1);
            let read = block_on(async {
                let (mut client, server) = duplex(1024);
                client.write_all(&later).await.expect("write");
                drop(client);
                let early = Bytes::copy_from_slice(&early);
                let mut stream = Rewind::new(early, server, lease(&connections));
                let mut read = Vec::new();
                let mut buf = vec![0; chunk];
                loop {
                    match stream.read(&mut buf).await.expect("read") {
                        0 => break read,
                        n => read.extend_from_slice(&buf[..n]),
                    }
                }
            });
            prop_assert_eq!(read, [early, later].concat());
        }
    }

    #[test]
    fn a_waiting_reader_sees_the_end_and_may_still_write() {
        let connections = Connections::new(1);
        block_on(async {
            let (mut client, server) = duplex(64);
            let mut stream = Rewind::new(Bytes::new(), server, lease(&connections));
            let mut buf = [0; 8];
            let (read, ()) = tokio::join!(stream.read(&mut buf), async { connections.end_all() });
            assert_eq!(read.expect("read"), 0);
            stream.write_all(b"bye").await.expect("write");
            client.read_exact(&mut buf[..3]).await.expect("read");
            assert_eq!(&buf[..3], b"bye");
        });
    }

    #[test]
    fn a_blocked_writer_fails_when_it_is_cut() {
        let connections = Connections::new(1);
        block_on(async {
            let (_client, server) = duplex(2);
            let mut stream = Rewind::new(Bytes::new(), server, lease(&connections));
            let (wrote, ()) = tokio::join!(stream.write_all(b"too much"), async {
                connections.cut_all();
            });
            let kind = wrote.expect_err("cut").kind();
            assert_eq!(kind, io::ErrorKind::ConnectionAborted);
        });
    }

    #[test]
    fn the_place_is_free_again_when_the_stream_is_dropped() {
        let connections = Connections::new(1);
        block_on(async {
            let (_client, server) = duplex(2);
            let stream = Rewind::new(Bytes::new(), server, lease(&connections));
            assert!(connections.admit_stream(None).is_err());
            let ((), ()) = tokio::join!(connections.drained(), async { drop(stream) });
            assert!(connections.admit_stream(None).is_ok());
        });
    }
}
