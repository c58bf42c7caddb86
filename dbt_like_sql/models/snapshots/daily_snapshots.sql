{{ config(materialized='partition') }}

WITH names AS (
    SELECT date, ticker_id FROM {{ source('warehouse', 'technical_indicators') }}
    WHERE date BETWEEN {{ var('first') }} AND {{ var('last') }}
    UNION
    -- With WYCKOFF_UNIVERSE=all there are phases of every name of the market; the other tables are of watched names.
    SELECT a.date, a.ticker_id FROM {{ source('warehouse', 'wyckoff_phases') }} AS a
    JOIN {{ source('warehouse', 'tickers') }} AS b ON b.ticker_id = a.ticker_id
    WHERE a.date BETWEEN {{ var('first') }} AND {{ var('last') }}
        AND (
            b.options_enabled
            OR EXISTS (SELECT 1 FROM {{ source('warehouse', 'portfolio_tickers') }} AS m WHERE m.ticker_id = a.ticker_id)
        )
    UNION
    SELECT date, ticker_id FROM {{ source('warehouse', 'price_metrics') }}
    WHERE date BETWEEN {{ var('first') }} AND {{ var('last') }}
    UNION
    SELECT date, ticker_id FROM {{ source('warehouse', 'options_chain_status') }}
    WHERE date BETWEEN {{ var('first') }} AND {{ var('last') }}
)

SELECT
    n.date, n.ticker_id, k.symbol,
    w.wyckoff_phase, w.phase_score, w.phase_confidence, w.sub_stage AS phase_sub_stage,
    w.events_detected, w.primary_event, w.primary_event_confidence, w.events_json,
    w.bc_score, w.spring_score, w.composite_score,
    t.rsi_14, t.macd_line, t.macd_signal, t.macd_histogram, t.stoch_k, t.stoch_d, t.mfi_14,
    t.sma_20, t.sma_50, t.sma_200, t.ema_12, t.ema_26, t.adx_14,
    t.atr_14, t.bbands_upper, t.bbands_middle, t.bbands_lower, t.bbands_width,
    t.obv, t.vwap,
    d.gross_gex AS gex_total, d.net_gex AS gex_net, d.gamma_flip_level,
    d.call_wall_oi AS call_wall_primary,
    -- A whole number that Python wrote as 1234.0.
    CAST(CAST(d.call_walls_oi -> 0 ->> 'oi' AS double precision) AS bigint) AS call_wall_primary_oi,
    d.put_wall_oi AS put_wall_primary,
    CAST(CAST(d.put_walls_oi -> 0 ->> 'oi' AS double precision) AS bigint) AS put_wall_primary_oi,
    d.dgpi, d.dealer_position,
    v.skew_25d AS iv_skew_25d, v.term_structure AS iv_term_structure,
    v.pcr_oi AS put_call_ratio_oi, v.pcr_volume AS put_call_ratio_volume,
    v.weighted_iv AS average_iv, v.iv_rank, v.iv_percentile,
    p.rvol_20 AS rvol, p.vsi_20 AS vsi, p.hv_20, p.hv_60, p.iv_hv_diff,
    t.price_vs_sma20, t.price_vs_sma50, t.price_vs_sma200,
    t.indicators AS technical_indicators_json,
    CASE
        WHEN d.ticker_id IS NOT NULL THEN jsonb_build_object(
            'spot', d.spot, 'dealer_status', d.dealer_status, 'status_reasons', d.status_reasons,
            'contracts', d.contracts, 'contracts_non_standard', d.contracts_non_standard,
            'contracts_used', d.contracts_used, 'total_oi', d.total_oi, 'oi_without_gamma', d.oi_without_gamma,
            'oi_coverage', d.oi_coverage, 'call_gex', d.call_gex, 'put_gex', d.put_gex, 'net_gex', d.net_gex,
            'gross_gex', d.gross_gex, 'gex_ratio', d.gex_ratio, 'gex_pct_adv', d.gex_pct_adv,
            'gex_slope', d.gex_slope, 'gamma_flip_level', d.gamma_flip_level,
            'gamma_flip_levels', d.gamma_flip_levels, 'flip_status', d.flip_status,
            'flip_direction', d.flip_direction, 'flip_coverage', d.flip_coverage, 'call_wall', d.call_wall,
            'put_wall', d.put_wall, 'call_wall_oi', d.call_wall_oi, 'put_wall_oi', d.put_wall_oi,
            'call_wall_above_spot', d.call_wall_above_spot, 'call_walls', d.call_walls, 'put_walls', d.put_walls,
            'call_walls_oi', d.call_walls_oi, 'put_walls_oi', d.put_walls_oi, 'max_pain', d.max_pain,
            'max_pains', d.max_pains, 'dealer_position', d.dealer_position, 'position_vs_flip', d.position_vs_flip,
            'dgpi', d.dgpi, 'dgpi_has_flip', d.dgpi_has_flip, 'dgpi_v1', d.dgpi_v1, 'null_reasons', d.null_reasons
        )
    END AS dealer_metrics_json,
    CASE
        WHEN v.ticker_id IS NOT NULL THEN jsonb_build_object(
            'iv_30d', v.iv_30d, 'iv_60d', v.iv_60d, 'iv_90d', v.iv_90d, 'term_structure', v.term_structure,
            'term_ratio', v.term_ratio, 'term_slope_30d', v.term_slope_30d, 'skew_25d', v.skew_25d,
            'skew_25d_norm', v.skew_25d_norm, 'bf_25d', v.bf_25d, 'average_iv', v.average_iv,
            'weighted_iv', v.weighted_iv, 'pcr_oi', v.pcr_oi, 'pcr_volume', v.pcr_volume,
            'oi_turnover', v.oi_turnover, 'expected_move_30d', v.expected_move_30d, 'iv_rank', v.iv_rank,
            'iv_percentile', v.iv_percentile, 'history_n', v.history_n, 'contracts_analyzed', v.contracts_analyzed,
            'smiles', v.smiles, 'null_reasons', v.null_reasons
        )
    END AS volatility_metrics_json,
    CASE
        WHEN p.ticker_id IS NOT NULL THEN jsonb_build_object(
            'hv_20', p.hv_20, 'hv_60', p.hv_60, 'rvol_20', p.rvol_20, 'vsi_20', p.vsi_20, 'adv_20', p.adv_20,
            'iv_hv_diff', p.iv_hv_diff, 'null_reasons', p.null_reasons
        )
    END AS price_metrics_json,
    w.checklist_json,
    t.volatility_regime,
    'wyckoff ' || w.model_version AS model_version,
    CASE
        WHEN 'bar' = ANY(q.missing) THEN 'stale'
        WHEN cardinality(q.missing) > 0 THEN 'partial'
        ELSE 'complete'
    END AS data_quality,
    q.missing
-- Each table is bounded by itself: the planner does not carry the sessions over, and tables that were just filled have no
-- statistics that would tell it to use their keys.
FROM names AS n
JOIN {{ source('warehouse', 'tickers') }} AS k ON k.ticker_id = n.ticker_id
LEFT JOIN {{ source('warehouse', 'technical_indicators') }} AS t
    ON t.date = n.date AND t.ticker_id = n.ticker_id AND t.date BETWEEN {{ var('first') }} AND {{ var('last') }}
LEFT JOIN {{ source('warehouse', 'wyckoff_phases') }} AS w
    ON w.date = n.date AND w.ticker_id = n.ticker_id AND w.date BETWEEN {{ var('first') }} AND {{ var('last') }}
LEFT JOIN {{ source('warehouse', 'price_metrics') }} AS p
    ON p.date = n.date AND p.ticker_id = n.ticker_id AND p.date BETWEEN {{ var('first') }} AND {{ var('last') }}
LEFT JOIN {{ source('warehouse', 'volatility_metrics') }} AS v
    ON v.date = n.date AND v.ticker_id = n.ticker_id AND v.date BETWEEN {{ var('first') }} AND {{ var('last') }}
LEFT JOIN {{ source('warehouse', 'dealer_metrics') }} AS d
    ON d.date = n.date AND d.ticker_id = n.ticker_id AND d.date BETWEEN {{ var('first') }} AND {{ var('last') }}
LEFT JOIN {{ source('warehouse', 'options_chain_status') }} AS s
    ON s.date = n.date AND s.ticker_id = n.ticker_id AND s.date BETWEEN {{ var('first') }} AND {{ var('last') }}
CROSS JOIN LATERAL (
    SELECT
        -- Indicators and phases are of names with a bar in the session: either is proof of one.
        array_remove(
            ARRAY[
                CASE WHEN t.ticker_id IS NULL AND w.ticker_id IS NULL THEN 'bar' END,
                CASE WHEN t.ticker_id IS NULL AND w.ticker_id IS NOT NULL THEN 'indicators' END,
                CASE WHEN w.ticker_id IS NULL AND t.ticker_id IS NOT NULL THEN 'wyckoff' END,
                CASE WHEN s.status IS DISTINCT FROM 'COMPLETE' THEN 'chain:' || coalesce(s.status, 'none') END,
                CASE
                    WHEN d.dealer_status IS DISTINCT FROM 'FULL' THEN 'dealer:' || coalesce(d.dealer_status, 'none')
                END
            ],
            NULL
        ) AS missing
) AS q
