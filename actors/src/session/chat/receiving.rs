//! Who receives a customer: what the records say of the widget that they come by, and of the assistant that they want.

use serde_json::{Map, Value};

use super::book::ChatBook;
use super::handling::Handling;
use super::message::MessageDraft;
use super::model::Chat;
use super::place::Place;
use super::reception::{Assistance, Reception};
use crate::ids::{Datatype, RecordId};
use crate::keys;
use crate::record::model::Record;
use crate::session::person::Side;
use crate::session::stream::assistant::{self, Audience};
use crate::store::{StoreError, decode};

impl ChatBook {
    /// Who is to receive the customer, where one of these is asked of nobody yet, or an assistant answers: as the record of
    /// the widget says that they come by (`ai`, `queue`, `skill`, `priority`).
    pub(super) async fn reception(
        &self,
        before: Option<&Chat>,
        drafts: &[MessageDraft],
    ) -> Result<Reception, StoreError> {
        let handling = before.map_or(&Handling::Nobody, |chat| &chat.handling);
        let assisted = match handling {
            Handling::Assisted { assistant, .. } => Some(assistant.as_str()),
            Handling::Waiting { .. } | Handling::With { .. } => {
                if drafts.iter().all(|draft| draft.ends.is_none()) {
                    return Ok(Reception::default());
                }
                None
            }
            Handling::Nobody => None,
        };
        let of_customer = |draft: &&MessageDraft| {
            draft.asks && draft.from.as_ref().is_some_and(|person| person.side == Side::Customer)
        };
        let asked = drafts.iter().find(of_customer);
        let config_id = asked.and_then(|draft| draft.config_id.as_deref());
        let known = || before.filter(|_| assisted.is_some()).and_then(|chat| chat.config_id.as_deref());
        let widget = self.widget(config_id.or_else(known)).await?.unwrap_or_default();
        let wanted = asked.and_then(|draft| draft.assistant.as_deref());
        let assistance = match assisted {
            Some(_) => self.assistance(&widget, assisted).await?,
            None => self.wanted(&widget, wanted).await?,
        };
        Ok(Reception { place: Place::of_widget(&widget), assistance })
    }

    /// The assistant that a customer wants, where it is for everybody; else the one that the widget names.
    async fn wanted(
        &self,
        widget: &Map<String, Value>,
        wanted: Option<&str>,
    ) -> Result<Option<Assistance>, StoreError> {
        if let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty())
            && let Some(record) = assistant::find(&*self.house.store, &self.org, wanted).await?
            && assistant::audience(&record.data) == Audience::Everybody
        {
            return Ok(Some(Assistance::of(widget, record.sk.clone(), &record.data)));
        }
        self.assistance(widget, None).await
    }

    /// The record of a widget, if there is one.
    async fn widget(&self, config_id: Option<&str>) -> Result<Option<Map<String, Value>>, StoreError> {
        let (Some(Ok(id)), Ok(datatype)) = (config_id.map(RecordId::new), Datatype::new("chat_config"))
        else {
            return Ok(None);
        };
        let found = self.house.store.get(keys::record(&self.org, &datatype, &id)).await?;
        let record: Option<Record> = found.map(|found| decode(&found.value)).transpose()?;
        Ok(record.filter(|record| !record.is_deleted()).map(|record| record.data))
    }

    /// The assistant that answers, else the one that a widget names.
    async fn assistance(
        &self,
        widget: &Map<String, Value>,
        assisted: Option<&str>,
    ) -> Result<Option<Assistance>, StoreError> {
        let named = widget.get("ai").and_then(Value::as_str).filter(|name| !name.trim().is_empty());
        let Some(wanted) = assisted.or(named) else { return Ok(None) };
        let found = assistant::find(&*self.house.store, &self.org, wanted).await?;
        Ok(found.map(|record| Assistance::of(widget, record.sk.clone(), &record.data)))
    }

    /// What the assistant of a widget is called, and what it says first.
    pub(super) async fn greeting(&self, config_id: &str) -> Result<Option<(String, String)>, StoreError> {
        let Some(widget) = self.widget(Some(config_id)).await? else { return Ok(None) };
        let with = self.assistance(&widget, None).await?;
        Ok(with.and_then(|with| Some((with.assistant.title, with.greeting?))))
    }
}
