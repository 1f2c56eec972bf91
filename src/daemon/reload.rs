//! SIGHUP: the configuration is read again; what can change without a restart changes, and all statistics are kept.

use crate::configuration::{Configuration, ConfigurationKey, KEYS, OnReload, Source};
use crate::context::Context;
use crate::https::Tls;
use crate::log::Target;

/// Puts the configuration of `source` in force. A fault anywhere leaves all as it is.
///
/// `log_to`: where the command line says that the log goes.
pub(crate) fn reload(context: &Context, source: &Source, log_to: Option<Target>) {
    let read = source.load().and_then(|new| {
        match &context.tls {
            Some(tls) => tls.reload(&new.https)?,
            // Only a restart puts it in force, but that must not be the first to find a fault.
            None => _ = Tls::new(&new.https)?,
        }
        Ok(new)
    });
    let mut new = match read {
        Ok(new) => new,
        Err(faults) => {
            let report = format!("{faults}; nothing was changed");
            return report.lines().for_each(|line| context.log.error(format_args!("reload: {line}")));
        }
    };
    let kept = keep(&context.configuration(), &mut new, log_to);
    context.log.set_level(new.log.level);
    if let Some(tls) = &context.tls {
        tls.log_certificate(context.log);
    }
    context.configure(new);
    context.log.info(format_args!("reload: {source} is in force, all statistics are kept"));
    if !kept.is_empty() {
        context.log.warning(format_args!("reload: {} changed; restart to apply", kept.join(", ")));
    }
}

/// Takes back what only a restart can change. Returns the keys of it.
fn keep(old: &Configuration, new: &mut Configuration, log_to: Option<Target>) -> Vec<&'static str> {
    let mut kept = Vec::new();
    for ConfigurationKey { path, on_reload, show, copy, .. } in KEYS {
        let (before, after) = (show(old), show(new));
        let is_kept = match on_reload {
            OnReload::Applies => false,
            OnReload::Replaces => before.is_empty() != after.is_empty(),
            OnReload::NeedsRestart => before != after,
        };
        if is_kept {
            copy(old, new);
            // What the command line says holds anyway.
            if *path != "log.to" || log_to.is_none() {
                kept.push(*path);
            }
        }
    }
    kept
}
