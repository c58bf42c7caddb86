{# What `materialized='partition'` means, told to dbt: the rows of the sessions from `first` to `last` are replaced in one
   transaction. The table is there already: Kapman's migrations create it. #}
{% materialization partition, adapter='postgres' %}
  {%- set target = this.incorporate(type='table') -%}
  {%- set columns = get_columns_in_query(sql) | join(', ') -%}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}
  {% call statement('main') %}
    DELETE FROM {{ target }}
    WHERE date BETWEEN {{ var('first') }} AND {{ var('last') }};
    INSERT INTO {{ target }} ({{ columns }})
    SELECT {{ columns }} FROM (
      {{ sql }}
    ) AS model
  {% endcall %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {{ adapter.commit() }}
  {{ return({'relations': [target]}) }}
{% endmaterialization %}
