{{ config(materialized='view') }}

-- The function is one plain SELECT, which the planner inlines: a filter on symbol or date reaches the indexes.
SELECT
    a.symbol, a.date, a.open, a.high, a.low, a.close, a.volume, a.vwap, a.transactions, a.source
FROM {{ source('warehouse', 'fn_ohlcv_adjusted') }}(CAST(now() AT TIME ZONE 'America/New_York' AS date)) AS a
