{{ config(materialized='view') }}

SELECT t.symbol, o.date, o.open, o.high, o.low, o.close, o.volume, o.vwap, o.transactions, o.source
FROM {{ source('warehouse', 'ohlcv') }} AS o
JOIN {{ source('warehouse', 'tickers') }} AS t ON t.ticker_id = o.ticker_id
