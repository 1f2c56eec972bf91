//! Enumerations whose values have names: neither the list nor a name can be forgotten.

/// Declares an enumeration with `ALL`, `name`, `named` and `Display`, each value and its name in one line.
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
            /// Every value, in the order of declaration.
            $visibility const ALL: [Self; [$(Self::$variant),+].len()] = [$(Self::$variant),+];

            /// The name.
            $visibility const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The value with that name, in this spelling.
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
