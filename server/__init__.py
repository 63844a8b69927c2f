"""The only place that knows every concrete class: wiring, Sanic app, engine, command line."""
