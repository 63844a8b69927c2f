"""Who may sign in, what each account may do, and the guard before every route."""
