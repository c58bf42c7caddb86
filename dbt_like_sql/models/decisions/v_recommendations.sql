{{ config(materialized='view') }}

WITH legs AS (
    SELECT
        l.date, l.ticker_id,
        jsonb_agg(
            jsonb_build_object(
                'leg', l.leg, 'contract', l.contract, 'side', l.side, 'quantity', l.quantity,
                'contract_type', l.contract_type, 'strike', l.strike, 'expiration_date', l.expiration_date,
                'dte', l.dte, 'multiplier', l.multiplier, 'price', l.price, 'price_basis', l.price_basis,
                'implied_volatility', l.implied_volatility, 'delta', l.delta, 'open_interest', l.open_interest
            ) ORDER BY l.leg
        ) AS legs,
        min(l.expiration_date) AS first_expiration
    FROM {{ source('warehouse', 'recommendation_legs') }} AS l
    GROUP BY l.date, l.ticker_id
),

reviews AS (
    SELECT DISTINCT ON (v.issued, v.ticker_id)
        v.issued, v.ticker_id, v.date, v.verdict, v.reasons, v.price, v.signed_return, v.stop_loss, v.option_pnl,
        v.sessions_held, v.dte
    FROM {{ source('warehouse', 'recommendation_reviews') }} AS v
    ORDER BY v.issued, v.ticker_id, v.date DESC
)

SELECT
    r.date, r.ticker_id, r.symbol,
    -- As of the newest session with snapshots, not of today: a recorded or simulated market ends where it ends.
    CASE
        WHEN o.outcome_status = 'VOID' THEN 'VOID'
        WHEN o.outcome_status IS NOT NULL THEN 'CLOSED'
        ELSE 'OPEN'
    END AS status,
    newest.date AS as_of,
    r.action, r.direction, r.strategy, r.signal_type, r.primary_event,
    r.confidence, k.calibrated AS calibrated_confidence,
    r.justification, r.entry_price, r.stop_loss, r.profit_target, r.horizon_sessions, r.last_session, r.neutral_band,
    r.net_price, r.max_loss, r.max_gain, r.reward_to_risk, r.probability_of_profit, r.pop_method, r.capital_required,
    r.break_evens, r.price_basis,
    CAST(coalesce(l.legs, '[]') AS jsonb) AS legs, l.first_expiration,
    r.asked_provider, r.provider, r.fallback_reason, r.model, r.prompt_version, r.cost_usd, r.latency_seconds,
    r.data_quality, r.model_version, r.inputs, r.validation, r.null_reasons,
    v.date AS review_date, v.verdict AS review_verdict, v.reasons AS review_reasons, v.price AS review_price,
    v.signed_return AS review_signed_return, v.stop_loss AS review_stop_loss, v.option_pnl AS review_option_pnl,
    v.sessions_held AS review_sessions_held, v.dte AS review_dte,
    o.date AS outcome_date, o.exit_reason, o.outcome_status, o.entry_session, o.entry_price_actual,
    o.exit_price_actual, o.underlying_return, o.favourable, o.adverse, o.sessions_held, o.direction_correct,
    o.directional_brier, o.option_pnl, o.option_pnl_basis, o.return_on_risk, o.success_score_v1, o.success_score,
    o.null_reasons AS outcome_null_reasons
FROM {{ source('warehouse', 'recommendations') }} AS r
CROSS JOIN (SELECT max(date) AS date FROM {{ ref('daily_snapshots') }}) AS newest
LEFT JOIN legs AS l ON l.date = r.date AND l.ticker_id = r.ticker_id
LEFT JOIN reviews AS v ON v.issued = r.date AND v.ticker_id = r.ticker_id
LEFT JOIN {{ source('warehouse', 'recommendation_outcomes') }} AS o
    ON o.issued = r.date AND o.ticker_id = r.ticker_id AND o.date <= newest.date
LEFT JOIN {{ source('warehouse', 'confidence_calibration') }} AS k ON k.date = r.date AND k.ticker_id = r.ticker_id
