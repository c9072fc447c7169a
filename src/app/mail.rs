//! From the configuration to what sends mail.

use std::sync::Arc;

use anyhow::Context;
use appengine_actors::clock::Clock;
use appengine_actors::mail::{MailWork, Mailer};

use crate::config::{Mail, MailSecurity};
use crate::outbound::smtp::{Security, Smtp, SmtpOptions};

/// The work of sending mail; where no server is configured it says so.
///
/// # Errors
/// When what is configured cannot work.
pub(super) fn mail(config: &Mail, clock: &Arc<dyn Clock>) -> anyhow::Result<MailWork> {
    if config.host.is_empty() {
        return Ok(MailWork(None));
    }
    let path = &config.ca_file;
    let authorities = match path.as_os_str().is_empty() {
        true => None,
        false => {
            let read = std::fs::read(path);
            Some(read.with_context(|| format!("failed to read mail.ca_file, {}", path.display()))?)
        }
    };
    let security = match config.security {
        MailSecurity::Starttls => Security::StartTls,
        MailSecurity::Tls => Security::Tls,
        MailSecurity::None => Security::None,
    };
    let sign_in =
        (!config.user.is_empty()).then(|| (config.user.clone(), config.password.expose().to_owned()));
    let options = SmtpOptions {
        host: config.host.clone(),
        port: config.port,
        security,
        sign_in,
        from: config.from.clone(),
        timeout: config.timeout.get(),
        authorities,
    };
    let smtp = Smtp::new(options, clock.clone()).map_err(|error| anyhow::anyhow!("failed to {error}"))?;
    let smtp: Arc<dyn Mailer> = Arc::new(smtp);
    Ok(MailWork(Some(smtp)))
}
