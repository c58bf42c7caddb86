{{ config(materialized='view') }}

-- Not DISTINCT ON: that would sort every wide row of two years, this reads the keys alone.
SELECT s.*
FROM {{ ref('daily_snapshots') }} AS s
JOIN (
    SELECT ticker_id, max(date) AS date FROM {{ ref('daily_snapshots') }} GROUP BY ticker_id
) AS newest ON newest.date = s.date AND newest.ticker_id = s.ticker_id
