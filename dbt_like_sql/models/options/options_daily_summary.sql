{{ config(materialized='partition') }}

-- The same definitions as kapman_assets/options: a contract counts if it is a standard call or put that lives beyond the
-- session; a value out of its range is unknown; a missing greek is Black-Scholes of the vendor's volatility with
-- the chain's rate and no dividends, with calendar days over 365 and the volatility within 0.01 to 5.
WITH chains AS (
    SELECT
        s.date, s.ticker_id, t.symbol, s.status AS chain_status, s.spot AS stored_spot, s.rate,
        CASE WHEN s.spot BETWEEN 1e-9 AND 1e12 THEN s.spot END AS spot
    FROM {{ source('warehouse', 'options_chain_status') }} AS s
    JOIN {{ source('warehouse', 'tickers') }} AS t ON t.ticker_id = s.ticker_id
    WHERE s.date BETWEEN {{ var('first') }} AND {{ var('last') }} AND s.status IN ('COMPLETE', 'INCOMPLETE')
),

listed AS (
    SELECT
        o.date, o.ticker_id, c.spot, c.rate, o.contract_type = 'call' AS is_call,
        CASE o.contract_type WHEN 'call' THEN 1 ELSE -1 END AS sign,
        o.is_standard,
        o.contract_type IN ('call', 'put') AND o.expiration_date > o.date
            AND o.strike BETWEEN 1e-9 AND 1e12 AND o.multiplier BETWEEN 1e-9 AND 1e12 AS is_usable,
        o.strike, o.multiplier,
        (o.expiration_date - o.date) / 365.0::double precision AS years,
        CASE WHEN o.open_interest >= 0 THEN o.open_interest END AS oi,
        CASE WHEN o.volume >= 0 THEN o.volume END AS volume,
        CASE WHEN o.implied_volatility BETWEEN 1e-9 AND 1e12 THEN o.implied_volatility END AS iv,
        CASE WHEN o.delta BETWEEN -1 AND 1 THEN o.delta END AS delta,
        CASE WHEN o.gamma BETWEEN 1e-9 AND 1e12 THEN o.gamma END AS gamma
    FROM {{ source('warehouse', 'options_chains') }} AS o
    JOIN chains AS c ON c.date = o.date AND c.ticker_id = o.ticker_id
    WHERE o.date BETWEEN {{ var('first') }} AND {{ var('last') }}
),

counted AS (
    SELECT
        date, ticker_id,
        count(*) FILTER (WHERE is_standard AND is_usable) AS contracts,
        count(*) FILTER (WHERE is_standard IS NOT TRUE) AS contracts_non_standard
    FROM listed
    GROUP BY date, ticker_id
),

contracts AS (
    SELECT l.*, CASE WHEN l.iv < 0.01 THEN 0.01 WHEN l.iv > 5 THEN 5 ELSE l.iv END * sqrt(l.years) AS deviation
    FROM listed AS l
    WHERE l.is_standard AND l.is_usable
),

priced AS (
    SELECT c.*, (ln(c.spot) - ln(c.strike) + c.rate * c.years + c.deviation * c.deviation / 2) / c.deviation AS d1
    FROM contracts AS c
),

greeks AS (
    SELECT
        p.date, p.ticker_id, p.is_call, p.sign, p.spot, p.oi, p.volume, p.iv,
        p.oi * p.multiplier AS shares,
        coalesce(
            p.gamma,
            -- The density is 0 beyond 30 deviations, where exp() would fail with an underflow.
            CASE
                WHEN abs(p.d1) > 30 THEN 0
                ELSE exp(-p.d1 * p.d1 / 2) / sqrt(2 * pi()) / (p.spot * p.deviation)
            END
        ) AS gamma,
        coalesce(
            CASE WHEN p.delta * p.sign > 0 THEN p.delta END,
            CASE WHEN p.sign * p.d1 < -30 THEN 0 ELSE p.sign * erfc(-p.sign * p.d1 / sqrt(2)) / 2 END
        ) AS delta
    FROM priced AS p
),

totals AS (
    SELECT
        date, ticker_id,
        sum(oi) FILTER (WHERE is_call) AS total_call_oi,
        sum(oi) FILTER (WHERE NOT is_call) AS total_put_oi,
        sum(volume) FILTER (WHERE is_call) AS total_call_volume,
        sum(volume) FILTER (WHERE NOT is_call) AS total_put_volume,
        sum(iv * oi) FILTER (WHERE iv BETWEEN 0.01 AND 5)
            / nullif(sum(oi) FILTER (WHERE iv BETWEEN 0.01 AND 5), 0) AS weighted_avg_iv,
        sum(gamma * shares) FILTER (WHERE is_call) AS total_call_gamma,
        sum(gamma * shares) FILTER (WHERE NOT is_call) AS total_put_gamma,
        sum(delta * shares) FILTER (WHERE is_call) AS total_call_delta,
        sum(delta * shares) FILTER (WHERE NOT is_call) AS total_put_delta,
        sum(gamma * shares * spot * spot * 0.01) AS calculated_gex,
        sum(sign * gamma * shares * spot * spot * 0.01) AS calculated_net_gex,
        sum(oi) AS total_oi,
        sum(oi) - coalesce(sum(oi) FILTER (WHERE gamma IS NOT NULL), 0) AS oi_without_gamma
    FROM greeks
    GROUP BY date, ticker_id
),

strikes AS (
    SELECT
        date, ticker_id, is_call, strike, sum(oi) AS oi,
        row_number() OVER (
            PARTITION BY date, ticker_id, is_call ORDER BY sum(oi) DESC, abs(strike - spot), strike
        ) AS place
    FROM contracts
    GROUP BY date, ticker_id, is_call, strike, spot
    HAVING sum(oi) > 0
),

walls AS (
    SELECT
        date, ticker_id,
        max(strike) FILTER (WHERE is_call AND place = 1) AS top_call_strike_1,
        max(strike) FILTER (WHERE is_call AND place = 2) AS top_call_strike_2,
        max(strike) FILTER (WHERE is_call AND place = 3) AS top_call_strike_3,
        max(oi) FILTER (WHERE is_call AND place = 1) AS top_call_oi_1,
        max(oi) FILTER (WHERE is_call AND place = 2) AS top_call_oi_2,
        max(oi) FILTER (WHERE is_call AND place = 3) AS top_call_oi_3,
        max(strike) FILTER (WHERE NOT is_call AND place = 1) AS top_put_strike_1,
        max(strike) FILTER (WHERE NOT is_call AND place = 2) AS top_put_strike_2,
        max(strike) FILTER (WHERE NOT is_call AND place = 3) AS top_put_strike_3,
        max(oi) FILTER (WHERE NOT is_call AND place = 1) AS top_put_oi_1,
        max(oi) FILTER (WHERE NOT is_call AND place = 2) AS top_put_oi_2,
        max(oi) FILTER (WHERE NOT is_call AND place = 3) AS top_put_oi_3
    FROM strikes
    GROUP BY date, ticker_id
)

SELECT
    c.date, c.ticker_id, c.symbol, c.chain_status, c.stored_spot AS spot,
    coalesce(n.contracts, 0) AS contracts, coalesce(n.contracts_non_standard, 0) AS contracts_non_standard,
    t.total_call_oi, t.total_put_oi, t.total_call_volume, t.total_put_volume,
    t.total_put_oi::double precision / nullif(t.total_call_oi, 0) AS put_call_oi_ratio,
    t.total_put_volume::double precision / nullif(t.total_call_volume, 0) AS put_call_volume_ratio,
    t.weighted_avg_iv,
    w.top_call_strike_1, w.top_call_strike_2, w.top_call_strike_3,
    w.top_call_oi_1, w.top_call_oi_2, w.top_call_oi_3,
    w.top_put_strike_1, w.top_put_strike_2, w.top_put_strike_3,
    w.top_put_oi_1, w.top_put_oi_2, w.top_put_oi_3,
    t.total_call_gamma, t.total_put_gamma, t.total_call_delta, t.total_put_delta,
    t.calculated_gex, t.calculated_net_gex, t.total_oi, t.oi_without_gamma
FROM chains AS c
LEFT JOIN counted AS n ON n.date = c.date AND n.ticker_id = c.ticker_id
LEFT JOIN totals AS t ON t.date = c.date AND t.ticker_id = c.ticker_id
LEFT JOIN walls AS w ON w.date = c.date AND w.ticker_id = c.ticker_id
