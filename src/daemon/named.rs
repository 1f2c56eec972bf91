//! Enums whose variants have names.

/// Defines an enum with `ALL`, `name`, `named` and `Display`, each variant and its name in one line.
macro_rules! named {
    (
        $(#[$attribute:meta])*
        $visibility:vis enum $type:ident { $($(#[$of_variant:meta])* $variant:ident = $name:literal,)+ }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        $visibility enum $type { $($(#[$of_variant])* $variant,)+ }

        #[allow(dead_code)] // Not every enum is read as well as written.
        impl $type {
            /// Every variant, in the order of their discriminants.
            $visibility const ALL: [Self; [$(Self::$variant),+].len()] = [$(Self::$variant),+];

            $visibility const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            $visibility fn named(name: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|variant| variant.name() == name)
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.name())
            }
        }
    };
}
pub(crate) use named;
