-- How far a change of an institution's badges would reach: counts of employers who verified any of them, and of watches.
-- Nobody learns of fewer than five employers, and a count goes by fives: one employer more is mostly not to be seen.
do $$ begin
    execute format('create policy counted on verifications for select to %I using (true)', current_user);
    execute format('create policy counted on watches for select to %I using (true)', current_user);
end $$;
create function reach(institution uuid, ids uuid[]) returns table (employers bigint, watches bigint)
    language sql stable security definer set search_path = public as
$$
    select case when v.employers >= 5 then v.employers / 5 * 5 end,
           case when w.employers >= 5 then w.watches / 5 * 5 end
    from (select count(distinct employer_id) as employers from verifications
          where credential_id = any(ids) and institution_id = institution) v,
         (select count(distinct employer_id) as employers, count(*) as watches from watches
          where credential_id = any(ids) and institution_id = institution and until > laurel_clock()) w
$$;
