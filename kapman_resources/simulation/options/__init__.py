"""Option chains of the simulated market: what is listed, held, traded and quoted, and the vendor's pages of it.

`OptionMarket` follows the stocks session by session; everything in it depends on the plan and the sessions
before, so that a longer market begins with the shorter one. One module has one reason to exist: `names` (what
an underlying keeps), `surface` (implied volatility), `pricing` (Black–Scholes), `expiries` (the calendar),
`contracts` (the book's rows), `listings` (which contracts exist), `trading` (open interest, volume, day bars),
`chains` (the order of a session's steps), `pages` (the vendor's JSON), `labels` (the truth).
"""
