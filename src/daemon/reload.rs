//! SIGHUP: applies what can change without a restart. All statistics are kept.

use crate::configuration::{Configuration, ConfigurationKey, KEYS, OnReload, Source};
use crate::context::Context;
use crate::https::Tls;
use crate::log::Target;

/// Applies the configuration of `source`, or logs its faults and changes nothing. `log_to` is the
/// target on the command line.
pub(crate) fn reload(context: &Context, source: &Source, log_to: Option<Target>) {
    let read = source.load().and_then(|new| {
        match &context.tls {
            Some(tls) => tls.reload(&new.https)?,
            // Only a restart applies it, but faults are reported now.
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

/// Copies the values that only a restart can change from `old` to `new`, and returns their keys.
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
            // The command line overrides it anyway.
            if *path != "log.to" || log_to.is_none() {
                kept.push(*path);
            }
        }
    }
    kept
}
