{{ config(materialized='view') }}

SELECT
    t.symbol, m.priority, p.name AS portfolio_name,
    t.ticker_id, t.sector, t.last_ohlcv_date, t.last_analysis_date
FROM {{ source('warehouse', 'portfolio_tickers') }} AS m
JOIN {{ source('warehouse', 'portfolios') }} AS p ON p.portfolio_id = m.portfolio_id
JOIN {{ source('warehouse', 'tickers') }} AS t ON t.ticker_id = m.ticker_id
WHERE t.is_active
