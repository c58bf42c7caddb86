{{ config(materialized='view') }}

-- The signals of kapman_assets/etf/breadth at its own thresholds; for others, call that.
SELECT
    e.date, e.horizon,
    count(*) FILTER (WHERE e.composite_z <= -1) AS buy,
    count(*) FILTER (WHERE e.composite_z >= 1) AS sell,
    count(*) FILTER (WHERE e.composite_z > -1 AND e.composite_z < 1) AS hold,
    count(*) FILTER (WHERE e.composite_z IS NULL) AS unknown,
    count(*) AS total
FROM {{ source('warehouse', 'etf_features') }} AS e
JOIN {{ source('warehouse', 'tickers') }} AS t ON t.ticker_id = e.ticker_id
WHERE t.symbol <> 'SPY'
GROUP BY e.date, e.horizon
