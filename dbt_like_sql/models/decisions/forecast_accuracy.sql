{{ config(materialized='table') }}

WITH came AS (
    SELECT
        CAST(date_trunc('week', o.date) AS date) AS week,
        o.predicted_confidence AS confidence,
        CAST(CAST(o.direction_correct AS integer) AS double precision) AS hit,
        o.directional_brier, o.outcome_status, o.option_pnl, o.return_on_risk, o.success_score,
        coalesce(r.strategy, r.action) AS strategy,
        r.direction,
        coalesce(r.primary_event, 'none') AS event,
        r.provider,
        floor(o.predicted_confidence * 10) / 10 AS bin
    FROM {{ source('warehouse', 'recommendation_outcomes') }} AS o
    JOIN {{ source('warehouse', 'recommendations') }} AS r ON r.date = o.issued AND r.ticker_id = o.ticker_id
    WHERE o.outcome_status <> 'VOID'
),

weeks AS (
    SELECT
        w.week,
        -- Of all outcomes, whatever the dimension: what could be said without looking at the idea.
        CASE WHEN count(c.hit) >= 20 THEN avg(c.hit) ELSE 0.5 END AS base_rate
    FROM (SELECT DISTINCT week FROM came) AS w
    LEFT JOIN came AS c ON c.week < w.week
    GROUP BY w.week
),

told AS (
    SELECT w.week, 'week' AS span, w.base_rate, w.week AS came_in FROM weeks AS w
    UNION ALL
    SELECT w.week, 'to_date', w.base_rate, c.week
    FROM weeks AS w
    JOIN weeks AS c ON c.week <= w.week
)

SELECT
    t.week, t.span, d.dimension, d.value,
    count(*) AS outcomes,
    count(c.hit) AS scored,
    count(*) FILTER (WHERE c.hit = 1) AS wins,
    count(*) FILTER (WHERE c.outcome_status = 'NEUTRAL') AS neutral,
    avg(c.confidence) FILTER (WHERE c.hit IS NOT NULL) AS mean_confidence,
    avg(c.hit) AS hit_rate,
    avg(c.directional_brier) AS brier,
    t.base_rate,
    avg((t.base_rate - c.hit) * (t.base_rate - c.hit)) AS brier_base,
    1 - avg(c.directional_brier) / nullif(avg((t.base_rate - c.hit) * (t.base_rate - c.hit)), 0) AS skill,
    sum(c.option_pnl) AS option_pnl,
    avg(c.return_on_risk) AS return_on_risk,
    avg(c.success_score) AS success_score
FROM told AS t
JOIN came AS c ON c.week = t.came_in
CROSS JOIN LATERAL (
    VALUES
    ('all', 'all'),
    ('strategy', c.strategy),
    ('direction', c.direction),
    ('event', c.event),
    ('provider', c.provider),
    ('confidence', to_char(c.bin, 'FM0.0') || '-' || to_char(c.bin + 0.1, 'FM0.0'))
) AS d (dimension, value)
GROUP BY t.week, t.span, t.base_rate, d.dimension, d.value
