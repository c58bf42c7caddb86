{{ config(materialized='view') }}

SELECT e.*
FROM {{ ref('v_wyckoff_events') }} AS e
WHERE e.signal_type IN ('EXIT_CRITICAL', 'EXIT_WARNING')
