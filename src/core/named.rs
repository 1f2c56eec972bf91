//! Enumerations with a name for each value.

/// Declares an enumeration with `ALL`, `name`, `named` (the exact name) and `Display`.
#[macro_export]
macro_rules! named {
    ($(#[$meta:meta])* $visibility:vis enum $type:ident {
        $($(#[$of_variant:meta])* $variant:ident $(= $value:literal)? => $name:literal,)+
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        $visibility enum $type { $($(#[$of_variant])* $variant $(= $value)?,)+ }

        #[allow(dead_code)] // Not every enumeration is read as well as written.
        impl $type {
            $visibility const ALL: [Self; [$(Self::$variant),+].len()] = [$(Self::$variant),+];

            $visibility const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            $visibility fn named(name: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|value| value.name() == name)
            }
        }

        impl core::fmt::Display for $type {
            fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                formatter.write_str(self.name())
            }
        }
    };
}
