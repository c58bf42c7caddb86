{{ config(materialized='view') }}

-- Ages count from the newest session with snapshots, not from today: a recorded or simulated market ends where it ends.
WITH aged AS (
    SELECT
        s.symbol, s.date, s.bc_score, s.spring_score, s.events_detected, s.primary_event, s.primary_event_confidence,
        s.vsi, newest.date - s.date AS age
    FROM (SELECT max(date) AS date FROM {{ ref('daily_snapshots') }}) AS newest
    -- A range with two ends, or the planner would read two years for two weeks.
    JOIN {{ ref('daily_snapshots') }} AS s ON s.date BETWEEN newest.date - 13 AND newest.date
)

SELECT
    symbol, date, 'EXIT_CRITICAL' AS signal_type, 'BC_CRITICAL' AS alert_type,
    CAST(bc_score AS double precision) AS alert_value,
    '🔴 EXIT IMMEDIATELY - BC Score ≥ 24' AS alert_message, 1 AS priority
FROM aged
WHERE bc_score >= 24 AND age < 7

UNION ALL

SELECT
    symbol, date, 'ENTRY_SIGNAL', 'SPRING_SOS', CAST(spring_score AS double precision),
    '🟢 ENTRY SIGNAL - Spring confirmed with SOS', 2
FROM aged
WHERE 'SPRING' = ANY(events_detected) AND 'SOS' = ANY(events_detected) AND bc_score < 12 AND age < 14

UNION ALL

SELECT
    symbol, date, 'ENTRY_SETUP', 'SPRING_CONFIRMED', CAST(spring_score AS double precision),
    '🟢 ENTRY SETUP - Spring Score ≥ 9', 3
FROM aged
WHERE spring_score >= 9 AND bc_score < 12 AND age < 7

UNION ALL

SELECT
    symbol, date, 'EXIT_WARNING', 'BC_WARNING', CAST(bc_score AS double precision),
    '🟡 CAUTION - BC Score ≥ 20, prepare exit', 4
FROM aged
WHERE bc_score >= 20 AND bc_score < 24 AND age < 7

UNION ALL

SELECT
    symbol, date, 'EXIT_WARNING', 'SOW_DETECTED', primary_event_confidence,
    '🟡 CAUTION - Sign of Weakness detected', 5
FROM aged
WHERE primary_event = 'SOW' AND age < 7

UNION ALL

SELECT
    symbol, date, 'INFO', 'VOLUME_SURGE', vsi,
    '🔵 INFO - Volume Surge Index > 2', 6
FROM aged
WHERE vsi > 2 AND age < 7

ORDER BY priority, date DESC, symbol
