//! Enumerations whose values can be listed and named: neither the list nor a name can be forgotten.

/// Declares the enumeration, `ALL` (every value, in the order of declaration) and, where values have names, a method that
/// gives the name of one.
macro_rules! enumeration {
    (
        $(#[$meta:meta])* pub enum $type:ident
        $(#[$method_meta:meta])* fn $method:ident {
            $($(#[$variant_meta:meta])* $variant:ident $(= $value:literal)? => $name:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $type { $($(#[$variant_meta])* $variant $(= $value)?),+ }

        impl $type {
            /// Every value, in the order of declaration.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            $(#[$method_meta])*
            pub const fn $method(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
    ($(#[$meta:meta])* pub enum $type:ident { $($(#[$variant_meta:meta])* $variant:ident,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $type { $($(#[$variant_meta])* $variant),+ }

        impl $type {
            /// Every value, in the order of declaration.
            pub const ALL: [Self; [$(stringify!($variant)),+].len()] = [$(Self::$variant),+];
        }
    };
}

pub(crate) use enumeration;
