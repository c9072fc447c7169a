//! One step through the messages of chats. They stand chat by chat, so what is left of a chat is passed over at its
//! first message that is not old. The latest message of a chat stays, however old: the next one is numbered behind it.

use super::sweep::{After, STEP};
use crate::clock::Timestamp;
use crate::ids::OrgId;
use crate::keys;
use crate::session::chat::message::Message;
use crate::store::{Batch, Scan, Store, StoreError, decode};

/// Takes a step, and says where the next one begins.
///
/// # Errors
/// When the store fails: then nothing was removed.
pub(super) async fn step(
    store: &dyn Store,
    org: &OrgId,
    before: Timestamp,
    after: After,
) -> Result<After, StoreError> {
    let mut scan = Scan::prefix(keys::all_messages(org), STEP + 1);
    if let Some(after) = &after {
        scan = scan.after(after);
    }
    let page = store.scan(scan).await?;
    let messages = page.iter().map(|(_, found)| decode::<Message>(&found.value));
    let messages: Vec<Message> = messages.collect::<Result<_, _>>()?;
    let (mut batch, mut next) = (Batch::default(), None);
    for ((key, _), pair) in page.iter().zip(messages.windows(2)) {
        let [message, behind] = pair else { break };
        next = Some(key.clone());
        let is_last = behind.chat_id != message.chat_id;
        if message.sent >= before {
            next = Some(keys::message(org, message.chat_id.as_str(), u64::MAX));
            break;
        }
        if !is_last {
            let chat = message.chat_id.as_str();
            batch.delete(key.clone()).delete(keys::message_place(org, message.id));
            if let Some(client_id) = &message.client_id {
                batch.delete(keys::message_called(org, chat, &message.from, client_id));
            }
        }
    }
    if !batch.ops.is_empty() {
        // A power cut that takes it has it done again.
        store.commit(batch.lazily()).await?;
    }
    Ok(next)
}
