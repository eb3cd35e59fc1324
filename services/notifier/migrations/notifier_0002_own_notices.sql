-- A tenant may ask about its own events, those of which nobody was to be told among them.
create policy tenant on notices for select
    using (institution_id = nullif(current_setting('app.tenant', true), '')::uuid);
