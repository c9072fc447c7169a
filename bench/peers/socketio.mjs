// Node's own server with the events that bench/run sockets measures: node socketio.mjs prints where it serves.

import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http);
io.of("/chat").on("connection", (socket) => {
  socket.on("join-chat", ({ chatId }, answer) => {
    socket.join(chatId);
    answer({ success: true, chatId });
  });
  socket.on("leave-chat", ({ chatId }, answer) => {
    socket.leave(chatId);
    answer({ success: true, chatId });
  });
  socket.on("shareStatus", ({ chatId, status, sentTime }) => {
    socket.to(chatId).emit("status", { from: "bench@example.com", to: null, chatId, status, type: status, sentTime });
  });
});
http.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${http.address().port}`));
