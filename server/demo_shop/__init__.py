"""The demo shop's front: a page to try the widget on, and sign-in as one of its made-up customers."""
