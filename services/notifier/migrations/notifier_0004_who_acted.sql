-- Who made a change: a learner is told of an operator's revocation as such. Null: the institution, or of before this column.

alter table notices add column actor_role text;
