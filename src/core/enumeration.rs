//! An enumeration whose values can be listed, each with its name: the list and the names cannot be forgotten.

/// Declares the enumeration, `ALL` (every value, in the order of declaration) and a method that gives the name of a value.
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
}

pub(crate) use enumeration;
