{{ config(materialized='view') }}

SELECT
    s.symbol, s.date, s.wyckoff_phase, s.phase_confidence,
    s.events_detected, s.primary_event, s.primary_event_confidence, s.bc_score, s.spring_score,
    CASE
        -- Without a reading nothing is known, which is not the same as nothing to do.
        WHEN s.events_detected IS NULL THEN NULL
        WHEN s.bc_score >= 24 THEN 'EXIT_CRITICAL'
        WHEN s.bc_score >= 20 THEN 'EXIT_WARNING'
        WHEN s.spring_score >= 9 AND s.bc_score < 12 THEN 'ENTRY_SIGNAL'
        WHEN 'SPRING' = ANY(s.events_detected) THEN 'ENTRY_SETUP'
        WHEN 'SOS' = ANY(s.events_detected) THEN 'ENTRY_SIGNAL'
        WHEN 'SOW' = ANY(s.events_detected) THEN 'EXIT_WARNING'
        ELSE 'NEUTRAL'
    END AS signal_type,
    'SC' = ANY(s.events_detected) AS has_sc,
    'AR' = ANY(s.events_detected) AS has_ar,
    'ST' = ANY(s.events_detected) AS has_st,
    'SPRING' = ANY(s.events_detected) AS has_spring,
    'TEST' = ANY(s.events_detected) AS has_test,
    'SOS' = ANY(s.events_detected) AS has_sos,
    'BC' = ANY(s.events_detected) AS has_bc,
    'SOW' = ANY(s.events_detected) AS has_sow,
    CAST(cardinality(s.events_detected) AS integer) AS events_count,
    s.events_json,
    w.primary_event_date,
    CAST(s.date - w.primary_event_date AS integer) AS days_since_event
FROM {{ ref('v_latest_snapshots') }} AS s
LEFT JOIN {{ source('warehouse', 'wyckoff_phases') }} AS w ON w.date = s.date AND w.ticker_id = s.ticker_id
